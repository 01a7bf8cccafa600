"""From what was measured to the answer (pure)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from shakeproof.gates.coverage import floors
from shakeproof.gates.coverage.changes import Changed, percent
from shakeproof.gates.coverage.worst import Hole, holes
from shakeproof.gates.git import MAIN
from shakeproof.gates.verdict import Answer, Table, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shakeproof.gates.coverage.measured import File
    from shakeproof.gates.coverage.pragmas import Pragma
    from shakeproof.gates.coverage.ratchet import Notch
    from shakeproof.gates.coverage.settings import Settings

SHOWN: Final = 20  # holes in the table; report.json has all


@dataclass(frozen=True)
class Since:
    """What changed since a commit.

    Without one nothing is compared, and that is said: outside a repository there is nothing to compare with, and in one
    it was not found.
    """

    base: str | None
    changed: tuple[Changed, ...] = ()
    versioned: bool = True  # whether this is a repository at all


def verdict(
    gate: str,
    settings: Settings,
    files: Sequence[File],
    *,
    ratchet: Mapping[str, Notch],
    since: Since,
    hidden: Sequence[Pragma],
    remarks: Sequence[str] = (),
) -> Verdict:
    """Judge floors, ratchet, changes and pragmas; the worst holes come along.

    Inconclusive only where nothing fails and what changed could not be told.
    """
    judgements = floors.judge(files, settings, ratchet)
    found = holes(files)
    faults = (
        *(fault for one in judgements for fault in one.faults),
        *_changes_fault(settings, since),
        *_pragmas_fault(settings, hidden),
    )
    untold = since.base is None and since.versioned
    answer: Answer = "fail" if faults else "inconclusive" if untold else "pass"
    whole = judgements[-1].figures
    reached = (
        f"{settings.source} is covered to {floors.shown(whole.percent)}, "
        f"its branches to {floors.shown(whole.branch_percent)}"
    )
    return Verdict(
        gate=gate,
        answer=answer,
        sentence=_sentence(faults, reached, settings, since),
        notes=(*faults, *remarks),
        tables=(
            Table("Packages", floors.table(judgements)),
            *_changes_tables(since),
            *_holes_tables(found),
        ),
        details={
            "suite": settings.suite,
            "packages": [
                {
                    "name": one.name,
                    "floor": one.floor,
                    "ratchet": None if one.notch is None else asdict(one.notch),
                    "passed": not one.faults,
                    "percent": one.figures.percent,
                    "branch_percent": one.figures.branch_percent,
                    **asdict(one.figures),
                }
                for one in judgements
            ],
            "changes": _changes_details(settings, since),
            "pragmas": {"cap": settings.pragmas, "found": [asdict(one) for one in hidden]},
            "holes": [asdict(one) for one in found],
        },
    )


def _sentence(faults: Sequence[str], reached: str, settings: Settings, since: Since) -> str:
    if faults:
        more = f" ({len(faults) - 1} more above)" if len(faults) > 1 else ""
        return f"{faults[0]}{more}"
    if not since.versioned:
        return f"{reached}; what changed was not judged: there is no git repository here, so nothing to compare with."
    if since.base is None:
        main = settings.main or f"a main branch ({', '.join(MAIN)})"
        return (
            f"{reached}; what changed could not be told: git knows no commit that HEAD and {main} share. "
            "Fetch it with its history, name the branch as `main` in pyproject.toml, or a commit with --against."
        )
    if not since.changed:
        return f"{reached}; no Python file below it changed since {since.base[:12]}."
    return f"{reached}; of what changed since {since.base[:12]}, {floors.shown(percent(since.changed))} runs in tests."


def _changes_fault(settings: Settings, since: Since) -> tuple[str, ...]:
    reached = percent(since.changed)
    if reached >= settings.changed:
        return ()
    worst = holes(each.touched for each in since.changed)[0]
    fault = (
        f"Of the lines and branches that changed since {str(since.base)[:12]}, {floors.shown(reached)} run in tests, "
        f"and {settings.changed:g} % have to: begin at {worst.link}, which {worst.what}."
    )
    return (fault,)


def _pragmas_fault(settings: Settings, hidden: Sequence[Pragma]) -> tuple[str, ...]:
    if len(hidden) <= settings.pragmas:
        return ()
    places = ", ".join(f"{one.path}:{one.line}" for one in hidden[:3])
    fault = (
        f"{len(hidden)} pragmas hide code from the count, and {settings.pragmas} may ({places}): test that code, or "
        "raise `pragmas` in pyproject.toml and say why."
    )
    return (fault,)


def _changes_tables(since: Since) -> tuple[Table, ...]:
    if not since.changed:
        return ()
    heading = ("changed file", "lines", "branches", "coverage")
    rows = (
        (
            one.path,
            f"{one.figures.covered_lines}/{one.figures.lines}",
            f"{one.figures.covered_branches}/{one.figures.branches}",
            floors.shown(one.figures.percent),
        )
        for one in sorted(since.changed, key=lambda one: (one.figures.percent, one.path))
        if one.figures.lines  # of the others only comments changed, or nothing that is code
    )
    return (Table(f"Changed since {str(since.base)[:12]}", (heading, *rows)),)


def _holes_tables(found: Sequence[Hole]) -> tuple[Table, ...]:
    if not found:
        return ()
    heading = ("place", "lines", "branches", "what")
    rows = ((one.link, str(one.lines), str(one.branches), one.what) for one in found[:SHOWN])
    title = "Not covered, the most first"
    more = len(found) - SHOWN
    return (
        Table(f"{title} ({more} more in report.json)" if more > 0 else title, (heading, *rows)),
    )


def _changes_details(settings: Settings, since: Since) -> dict[str, object]:
    return {
        "base": since.base,
        "wanted": settings.changed,
        "percent": percent(since.changed) if since.changed else None,
        "files": [
            {
                "path": one.path,
                **asdict(one.figures),
                "missing_lines": sorted(one.touched.missing),
                "missing_branches": sorted(one.touched.not_taken),
            }
            for one in since.changed
        ],
    }
