"""Whether each package is covered as well as is asked, and no worse than it was (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.coverage.measured import Figures, below, total, within
from shakeproof.gates.coverage.ratchet import FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shakeproof.gates.coverage.measured import File
    from shakeproof.gates.coverage.ratchet import Notch
    from shakeproof.gates.coverage.settings import Settings


HEADING: Final = (
    "package", "files", "lines", "branches", "left out", "coverage", "of branches", "floor", "ratchet", "answer",
)  # fmt: skip


@dataclass(frozen=True)
class Judgement:
    """Whether one package, or the whole source, reaches its floor and its ratchet."""

    name: str
    figures: Figures
    floor: float  # percent, of lines with branches and of branches alone: straight lines hide no untested decision
    notch: Notch | None  # None: the ratchet has no entry

    @property
    def faults(self) -> tuple[str, ...]:
        """Say what is below what, unrounded: 79.999 % is below 80 %."""
        found = []
        if self.notch is None:
            found.append(
                f"{self.name}: the ratchet has no entry, so nothing keeps it from falling: put it in with `-- --raise`."
            )
        for what, percent, kept in (
            ("coverage", self.figures.percent, self.notch.coverage if self.notch else 0),
            (
                "coverage of branches",
                self.figures.branch_percent,
                self.notch.branches if self.notch else 0,
            ),
        ):
            if percent < self.floor:
                found.append(
                    f"{self.name}: {what} is {shown(percent)}, and the floor is {self.floor:g} %: test more of it."
                )
            elif percent < kept:
                found.append(
                    f"{self.name}: {what} fell to {shown(percent)}, and the ratchet stands at {kept:g} %: "
                    "test what is new, or lower the ratchet by hand and say why."
                )
        return tuple(found)


def judge(
    files: Sequence[File], settings: Settings, ratchet: Mapping[str, Notch]
) -> tuple[Judgement, ...]:
    """Hold each package, and the whole source last, to its floor and its ratchet.

    What the ratchet holds of the source is judged whether it has a floor or not: else one would fall with the other.
    Raises ShakeproofError for a package without a file: it was renamed, or its name is wrong.
    """
    held = {name: 0.0 for name in ratchet if within(name, settings.source)}
    floors = {**held, **settings.packages}
    whole = max(settings.total, floors.pop(settings.source, 0.0))
    judgements = []
    for name, floor in (*floors.items(), (settings.source, whole)):
        found = below(files, name)
        if not found:
            where = FILE if name not in {*settings.packages, settings.source} else "pyproject.toml"
            raise ShakeproofError(
                f"The report holds no file of {name!r}: correct the name in {where}, or measure it."
            )
        judgements.append(Judgement(name, total(found), floor, ratchet.get(name)))
    return tuple(judgements)


def table(judgements: Iterable[Judgement]) -> tuple[tuple[str, ...], ...]:
    """Return the rows people read, the heading first."""
    return (
        HEADING,
        *(
            (
                one.name,
                str(one.figures.files),
                f"{one.figures.covered_lines}/{one.figures.lines}",
                f"{one.figures.covered_branches}/{one.figures.branches}",
                str(one.figures.excluded),
                shown(one.figures.percent),
                shown(one.figures.branch_percent),
                f"{one.floor:g} %",
                f"{one.notch.coverage:g} %, {one.notch.branches:g} %" if one.notch else "-",
                "fail" if one.faults else "pass",
            )
            for one in judgements
        ),
    )


def shown(percent: float) -> str:
    """Round down, so that what is below the floor is never shown as the floor."""
    return f"{math.floor(percent * 100) / 100:.2f} %"
