"""What is said of pieces of state (pure): which was changed, how one knows that it matters, and how it is mended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shakeproof.model import Instability
from shakeproof.report.advice import (
    advice_for,
    advice_for_condition,
    advice_on_import,
    advice_on_overlap,
)
from shakeproof.report.phrases import any_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shakeproof.model import Cause, Condition, Finding, Leak
    from shakeproof.report.advice import Advice


def proven(finding: Finding) -> tuple[Cause, ...]:
    """Give what makes the difference: each by itself, or with the others that it takes."""
    return tuple(each for each in finding.causes if each.proven or each.together)


def causes(finding: Finding, *, tests: int = 1) -> tuple[str, ...]:
    """Say what was left behind that makes the difference, how that is known, why it matters, and how it is mended.

    `tests` is how many findings it is said of at once.
    """
    if finding.kind is Instability.PARALLEL_UNSAFE:
        return _used_by_both(finding)
    sure = proven(finding)
    unsure = (each for each in finding.causes if each not in sure)
    categories = tuple(dict.fromkeys(each.leak.category for each in sure))
    return (
        *(_told(cause, finding) for cause in sure),
        *_proofs(sure, finding, tests),
        *(
            f"seen to change: {piece(cause.leak)}, which is not proven to be the cause"
            for cause in unsure
        ),
        *(f"why it matters: {_advice(category, finding).why}" for category in categories),
        *(f"to mend it, {_advice(category, finding).short}" for category in to_mend(finding)),
    )


def beside(finding: Finding, other: str) -> str:
    """Name the test that overlaps with the one found, which may be another run of the same."""
    return "another run of itself" if other == finding.test else other


def _used_by_both(finding: Finding) -> tuple[str, ...]:
    """Say what tests both use that must not overlap, a line for each piece, and how to mend it."""
    by_piece: dict[tuple[str, str, bool], list[str]] = {}
    for cause in finding.causes:
        found = cause.leak.category, cause.leak.key, cause.proven
        by_piece.setdefault(found, []).append(beside(finding, cause.leak.by))
    lines: list[str] = []
    for (category, key, is_proven), others in by_piece.items():
        several = len(by_piece) > 1 or not finding.culprits
        who = f"it and {any_of(others)} both use" if several else "both use"
        noun = "folder" if key.endswith("/") else advice_on_overlap(category).noun
        what = f"{who} the {noun} {key}"
        lines += (
            (what, "proven: with a temporary folder for each, and nothing else, the test passes")
            if is_proven
            else (f"{what}, which is not proven to be the cause",)
        )
    advices = [advice_on_overlap(category) for category in to_mend(finding)]
    return (
        *lines,
        *(f"why it matters: {each.why}" for each in advices),
        *(f"to mend it, {each.short}" for each in advices),
    )


def _advice(category: str, finding: Finding) -> Advice:
    if finding.condition is not None:
        return advice_for_condition(finding.condition.category)
    if finding.kind is Instability.PARALLEL_UNSAFE:
        return advice_on_overlap(category)
    if finding.kind is Instability.IMPORT_POLLUTED:
        return advice_on_import(category)
    return advice_for(category)


def to_mend(finding: Finding) -> tuple[str, ...]:
    """List the categories of what makes the difference; a brittle test had better set up itself what it needs."""
    if finding.kind is Instability.BRITTLE:
        return ()
    # That two tests must not overlap is known, even where it is not proven what they use.
    overlap = finding.kind is Instability.PARALLEL_UNSAFE and bool(finding.culprits)
    sure = finding.causes if overlap else proven(finding)
    return tuple(dict.fromkeys(each.leak.category for each in sure))


def mended(finding: Finding) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Show as code how it is mended, each piece with its title."""
    advices = ((category, _advice(category, finding)) for category in to_mend(finding))
    return tuple((f"to mend the {each.noun or name}", each.lines) for name, each in advices)


def _told(cause: Cause, finding: Finding) -> str:
    """Say which piece of state it is, and who left it: by name only where there is a choice."""
    if finding.condition is not None:
        return f"what was changed: {_surroundings(cause.leak, finding.condition)}"
    does = {
        Instability.BRITTLE: "sets up",
        Instability.IMPORT_POLLUTED: "leaves behind when it is imported",
    }.get(finding.kind, "leaves behind")
    blamed = {name for members in finding.culprits for name in members}
    # The import of a culprit may bring another file with it: its conftest.py.
    another = finding.kind is Instability.IMPORT_POLLUTED and cause.leak.by not in blamed
    who = cause.leak.by if another or (cause.leak.by and len(blamed) > 1) else "which"
    return f"{who} {does}: {piece(cause.leak)}"


def _proofs(sure: Sequence[Cause], finding: Finding, tests: int) -> Iterator[str]:
    """Say what was done to know: once where it holds of all pieces, else of each set of them."""
    sets = tuple(dict.fromkeys(frozenset((each.leak.key, *each.together)) for each in sure))
    passes = "the test passes" if tests == 1 else f"each of the {tests} tests passes"
    after = " right after the import" if finding.kind is Instability.IMPORT_POLLUTED else ""
    singly = all(len(keys) == 1 for keys in sets)
    if singly and len(sets) > 1:
        authors = {each.leak.by for each in sure}
        names = ["any one of these" if len(authors) == 1 else "what was left behind"]
    elif len(sets) == 1:
        names = [{1: "that", 2: "both"}.get(len(sets[0]), "all of these")]
    else:
        names = [" and ".join(sorted(keys)) for keys in sets]
    for name in names:
        if finding.condition is not None:
            yield f"proven: with {name} as usual, and nothing else changed, {passes}"
        elif finding.kind is Instability.BRITTLE:
            yield f"proven: with {name} kept, and all else put back, {passes}"
        else:
            yield f"proven: with {name} put back{after}, and nothing else, {passes}"


def piece(leak: Leak) -> str:
    """Say which piece of state changed, and how: "environment variable APP_MODE: not there -> 'fast'"."""
    return f"{named(leak)}{change(leak).removeprefix(leak.key)}"


def _surroundings(leak: Leak, condition: Condition) -> str:
    """Say what was other than usual, and how: "time zone TZ: not there -> Pacific/Kiritimati"."""
    noun = advice_for_condition(condition.category).noun
    stands_for_all = leak.key in (noun, leak.category)
    name = noun if stands_for_all else f"{noun} {leak.key}"
    return f"{name}{change(leak).removeprefix(leak.key)}"


def named(leak: Leak) -> str:
    """Say which piece of state it is: "environment variable APP_MODE"."""
    nouns = {"settings": "settings kept by", "cache": "what is kept by"}
    is_kept = leak.key.endswith("()")  # by a function under `functools.cache`
    noun = nouns.get(leak.category) if is_kept else None
    return f"{noun or advice_for(leak.category).noun} {leak.key}".strip()


def change(leak: Leak) -> str:
    """Say how a piece of state changed: "APP_MODE: not there -> 'fast'"."""
    before, after = ("not there" if each is None else each for each in (leak.before, leak.after))
    return f"{leak.key}: {before} -> {after}"
