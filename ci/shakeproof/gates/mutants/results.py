"""What became of the mutants (pure)."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from shakeproof.errors import NothingToJudgeError
from shakeproof.gates.verdict import Answer, Table, Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shakeproof.gates.mutants.targets import Target

GATE: Final = "mutants"
LINE: Final = re.compile(r"^\s+(\S+): ([a-z ]+)$")
# A mutant that never ends, or takes the process down, was noticed too.
NOTICED: Final = frozenset({"killed", "timeout", "segfault", "caught by type check"})


@dataclass(frozen=True)
class Survivor:
    """A change that no test noticed."""

    mutant: str
    status: str  # as mutmut says: survived, or no tests, suspicious, skipped, not checked
    change: str  # the lines that differ


@dataclass(frozen=True)
class Outcome:
    """What became of one target's mutants."""

    target: Target
    statuses: tuple[tuple[str, int], ...]
    survivors: tuple[Survivor, ...]

    @property
    def mutants(self) -> int:
        """All of them."""
        return sum(count for _, count in self.statuses)

    @property
    def percent(self) -> float:
        """The share that was noticed."""
        return (
            100 * sum(count for status, count in self.statuses if status in NOTICED) / self.mutants
        )

    @property
    def answer(self) -> Answer:
        """Whether that is enough."""
        return "pass" if self.percent >= self.target.killed else "fail"


def read_statuses(printed: str) -> dict[str, str]:
    """Read what `mutmut results --all true` prints: the status by mutant.

    Raises NothingToJudgeError where there is no mutant: then nothing was mutated.
    """
    found = {match[1]: match[2] for line in printed.splitlines() if (match := LINE.match(line))}
    if not found:
        raise NothingToJudgeError(
            "mutmut made no mutant, so nothing was asked: see what it printed."
        )
    return found


def counted(statuses: dict[str, str]) -> tuple[tuple[str, int], ...]:
    """Count the statuses, the most frequent first."""
    return tuple(Counter(statuses.values()).most_common())


def unnoticed(statuses: dict[str, str]) -> dict[str, str]:
    """Pick the mutants that no test noticed."""
    return {mutant: status for mutant, status in statuses.items() if status not in NOTICED}


def changed_lines(diff: str) -> str:
    """Cut what `mutmut show` prints down to the lines that differ."""
    lines = (line for line in diff.splitlines() if re.match(r"[+-](?![+-]{2} )", line))
    return "\n".join(line[0] + " " + line[1:].strip() for line in lines)


def verdict(outcomes: Sequence[Outcome]) -> Verdict:
    """Judge the share of noticed mutants of each target, and show the others."""
    failing = [one for one in outcomes if one.answer == "fail"]
    rows = (
        (
            one.target.module,
            str(one.mutants),
            ", ".join(f"{count} {status}" for status, count in one.statuses),
            f"{one.percent:.1f} %",
            f"{one.target.killed:g} %",
            one.answer,
        )
        for one in outcomes
    )
    heading = ("module", "mutants", "of which", "noticed", "wanted", "answer")
    told = (failing or list(outcomes))[0]
    return Verdict(
        gate=GATE,
        answer=worst(one.answer for one in outcomes),
        sentence=(
            f"{told.percent:.1f} % of the mutants of {told.target.module} are noticed by its tests, and "
            f"{told.target.killed:g} % are wanted."
        ),
        notes=tuple(
            f"{survivor.mutant} ({survivor.status}):\n{survivor.change}"
            for one in outcomes
            for survivor in one.survivors
        ),
        tables=(Table("Mutants", (heading, *rows)),),
        details={
            "targets": [
                {
                    "name": one.target.name,
                    "module": one.target.module,
                    "mutants": one.mutants,
                    "percent": one.percent,
                    "wanted": one.target.killed,
                    "statuses": dict(one.statuses),
                    "survivors": [asdict(survivor) for survivor in one.survivors],
                }
                for one in outcomes
            ]
        },
    )
