"""This run against the last one of the same machine, in pytest-benchmark's own storage.

pytest-benchmark stores what it measured under `.benchmarks/<system, Python>/NNNN_<commit>_<time>.json`; its folders
know nothing of the CPU, so what is compared is the newest file in the folder that names the same one.

The rule compares *minima*: noise on a computer only ever adds time, so the smallest of many rounds is the steadiest
estimate of what the code itself costs. Two runs at different times remain a blunt instrument - on a noisy two-core
machine, means at a limit of 10 % raised 33 % false alarms - so the limits are wide (`DOUBTFUL`, `FAILING`), and between
them nothing is decided. `--against` measures both revisions side by side and is sharper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks import names
from shakeproof.gates.benchmarks.measured import (
    Machine,
    Measurement,
    Record,
    machine_differences,
    read_measured,
)
from shakeproof.gates.documents import read_object

if TYPE_CHECKING:
    from pathlib import Path

    from shakeproof.gates.verdict import Answer

DOUBTFUL: Final = 1.25  # a minimum this many times the baseline's is no longer a clear pass
FAILING: Final = 2.0  # and from here on it is a failure
NUMBERED: Final = "[0-9][0-9][0-9][0-9]_*.json"


@dataclass(frozen=True)
class Comparison:
    """The answer for one benchmark; `ratio` is its minimum over the baseline's."""

    name: str
    answer: Answer
    ratio: float
    reason: str


@dataclass(frozen=True)
class Storage:
    """What pytest-benchmark had stored, and what this run adds."""

    folder: Path

    def files(self) -> tuple[Path, ...]:
        """Return the stored files of every kind of machine, the oldest first."""
        return tuple(sorted(self.folder.glob(f"*/{NUMBERED}"), key=lambda path: path.name))

    def last(self, added: Path, machine: Machine) -> tuple[Path, Record] | None:
        """Return what was stored last for this very machine before `added`; None where nothing was.

        Raises `ShakeproofError` for a file that cannot be read or holds nothing: to skip it could hide the baseline.
        """
        earlier = sorted(added.parent.glob(NUMBERED), key=lambda path: path.name, reverse=True)
        for path in earlier:
            if path != added:
                record = _stored(path)
                if not machine_differences(machine, record.machine):
                    return path, record
        return None


def compare(measured: Record, baseline: Record) -> tuple[Comparison, ...]:
    """Judge each benchmark that both have by the ratio of the minima.

    Below `DOUBTFUL` pass, from `FAILING` on fail, in between inconclusive. While the machine is busy nothing fails:
    other programs can make anything take twice as long.
    """
    before = {one.name: one for one in baseline.measurements}
    return tuple(
        _judge(one, before[one.name], busy=measured.busy)
        for one in measured.measurements
        if one.name in before
    )


def check_names(measured: Record, baseline: Record, *, accept_new: bool) -> None:
    """Raise `ShakeproofError` for benchmarks that only one of the two has, and where they have none in common."""
    names.check(measured.names, baseline.names, "the baseline", accept_new=accept_new)
    if not set(measured.names) & set(baseline.names):
        raise ShakeproofError(
            "No benchmark was measured that the baseline has, so nothing is compared: store a new one with --update."
        )


def _judge(now: Measurement, before: Measurement, *, busy: bool) -> Comparison:
    ratio = now.minimum / before.minimum
    if ratio < DOUBTFUL:
        return Comparison(now.name, "pass", ratio, f"below {DOUBTFUL} times the baseline")
    if ratio < FAILING:
        reason = (
            f"from {DOUBTFUL} to {FAILING} times the baseline, which two single runs "
            "cannot tell from noise: ask again with --against"
        )
        return Comparison(now.name, "inconclusive", ratio, reason)
    if busy:
        reason = (
            f"{FAILING} times the baseline or more, on a machine that had more to do than processors: "
            "measure again when it is quiet"
        )
        return Comparison(now.name, "inconclusive", ratio, reason)
    return Comparison(now.name, "fail", ratio, f"{FAILING} times the baseline or more")


def _stored(path: Path) -> Record:
    try:
        return read_measured(read_object(path))
    except ShakeproofError as error:
        raise ShakeproofError(
            f"The stored baseline {path} holds nothing to compare with: delete it, and run the session again. "
            f"({error})"
        ) from error
