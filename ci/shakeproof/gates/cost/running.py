"""Running the suite in each way, round after round, until enough or until time is up (effects)."""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shakeproof.errors import NothingToJudgeError, ShakeproofError
from shakeproof.gates.children import run
from shakeproof.gates.cost.arms import order, workers_of
from shakeproof.gates.cost.runs import Run, read_run
from shakeproof.gates.cost.watch import AUTO, OPTION, now
from shakeproof.gates.documents import read_object

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shakeproof.gates.cost.arms import Arm

PLUGIN: Final = ("-p", "shakeproof.gates.cost.watch")
PLAIN: Final = ("-q", "-p", "no:cacheprovider")
NO_TESTS: Final = 5  # exit status of pytest
LAST_LINES: Final = 15


@dataclass(frozen=True)
class Bounds:
    """How long measuring may go on."""

    rounds: int
    seconds: float  # no run is started that would, going by the last one of its kind, end later


@dataclass(frozen=True)
class Measured:
    """The runs of each way, by round; a way that time did not suffice for is missing."""

    runs: Mapping[str, Mapping[int, Run]] = field(default_factory=dict)
    seconds: float = 0.0  # that all took
    auto: int = 0  # workers that `-n auto` makes here; 0: nobody asked

    def of(self, arm: str) -> Mapping[int, Run]:
        """Give the runs of one way, by round."""
        return self.runs.get(arm, {})

    @property
    def counts(self) -> tuple[int, ...]:
        """The numbers of workers that time sufficed for."""
        return tuple(
            sorted(n for name, runs in self.runs.items() if runs and (n := workers_of(name)))
        )


def measure(
    arms: Sequence[Arm],
    arguments: Sequence[str],
    root: Path,
    bounds: Bounds,
    *,
    say: Callable[[str], None],
    clock: Callable[[], float] = now,
) -> Measured:
    """Run every way once a round, in an order that changes with the round.

    Raises ShakeproofError where a run is red: tests that fail take another time than those that pass.
    """
    begun = clock()
    runs: defaultdict[str, dict[int, Run]] = defaultdict(dict)
    with tempfile.TemporaryDirectory(prefix="suite-cost-", ignore_cleanup_errors=True) as folder:
        for number in range(bounds.rounds):
            for arm in order(arms, number):
                last = runs[arm.name].get(number - 1)
                left = bounds.seconds - (clock() - begun)
                if left < (last.seconds if last else 0):
                    say(f"round {number + 1} of {bounds.rounds}: no time is left for {arm.name}")
                    continue
                one = run_once(arm, arguments, root, Path(folder))
                runs[arm.name][number] = one
                say(f"round {number + 1} of {bounds.rounds}: {arm.name} took {one.seconds:.1f} s")
    return Measured(dict(runs), clock() - begun)


def auto_workers(arguments: Sequence[str], root: Path) -> int:
    """Ask pytest-xdist how many workers `-n auto` makes of this suite on this machine.

    It need not be the cores that may be used: with psutil it is the physical cores of the machine, and a variable, an
    option or the suite itself may say another number. Raises ShakeproofError where pytest cannot say.
    """
    with tempfile.TemporaryDirectory(prefix="suite-cost-", ignore_cleanup_errors=True) as folder:
        told, printed = Path(folder, "workers.txt"), Path(folder, "printed.txt")
        asked = (*PLUGIN, f"{AUTO}={told}", *PLAIN, "-n", "auto")
        status = run((sys.executable, "-m", "pytest", *asked, *arguments), root, output=printed)
        if status or not told.exists():
            raise ShakeproofError(
                f"pytest does not say how many workers -n auto makes (it ended with {status}): it refuses the "
                f"arguments, or pytest-xdist is not installed. Its last lines:\n{_last_lines(printed)}"
            )
        return int(told.read_text(encoding="utf-8"))


def run_once(arm: Arm, arguments: Sequence[str], root: Path, folder: Path) -> Run:
    """Run the suite in one way, in a fresh process.

    Raises NothingToJudgeError where no test was collected, ShakeproofError where the suite is red.
    """
    watched, printed = folder / "watched.json", folder / "printed.txt"
    watched.unlink(missing_ok=True)
    options = (option.format(folder=folder) for option in arm.options)
    command = (
        sys.executable,
        "-m",
        "pytest",
        *PLUGIN,
        f"{OPTION}={watched}",
        *PLAIN,
        *options,
        *arguments,
    )
    begun = now()
    status = run(command, root, {"COVERAGE_FILE": str(folder / ".coverage")}, printed)
    seconds = now() - begun
    if status == NO_TESTS:
        raise NothingToJudgeError(
            "No test was collected, so there is nothing that costs: select some."
        )
    if status or not watched.exists():
        raise ShakeproofError(
            f"The suite is red when it is run as {arm.name!r} (pytest ended with {status}), and what fails takes "
            f"another time: mend it first. Its last lines:\n{_last_lines(printed)}"
        )
    return read_run(arm.name, seconds, begun, read_object(watched))


def _last_lines(printed: Path) -> str:
    said = printed.read_text(encoding="utf-8", errors="backslashreplace").splitlines()
    return "\n".join(said[-LAST_LINES:])
