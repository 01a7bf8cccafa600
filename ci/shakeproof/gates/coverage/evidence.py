"""Whether the measurement itself can be believed (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shakeproof.errors import NothingToJudgeError, ShakeproofError
from shakeproof.gates.documents import as_object, count_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NO_TESTS, USAGE = 5, 4  # exit statuses of pytest


@dataclass(frozen=True)
class Witnessed:
    """Who measured: how many tests, in which workers, with which core."""

    tests: int
    workers: int  # 0: the tests ran in one process
    cores: tuple[str, ...]  # as coverage.py calls them; more than one is odd


def read_witness(document: Mapping[str, object]) -> Witnessed:
    """Take what the plugin `witness` wrote.

    Raises ShakeproofError where a worker gave no data back: what its tests covered would count as untested, or the
    lines of a lost worker pass for dead code that nobody misses. And where in a process that ran tests nothing
    measured when the first of them began.
    """
    workers = {
        name: as_object(entry, name)
        for name, entry in as_object(document.get("workers"), "'workers'").items()
    }
    lost = [name for name, entry in workers.items() if entry.get("data") is not True]
    if lost:
        raise ShakeproofError(
            f"The data of {', '.join(sorted(lost))} was lost: the worker crashed, or runs without pytest-cov. "
            "Run the session again, and if it stays so, without workers: -- -- -n 0."
        )
    cores = {name: entry.get("core") for name, entry in workers.items()} or {
        "the process that ran the tests": document.get("core")
    }
    idle = sorted(name for name, core in cores.items() if not core)
    if idle:
        raise ShakeproofError(
            f"Nothing measured in {', '.join(idle)} when the tests began: take out what turns coverage off "
            "(--no-cov, -p no:cov, a plugin that stops it)."
        )
    named = tuple(sorted({str(core) for core in cores.values()}))
    return Witnessed(count_at(document, "tests"), len(workers), named)


def check_run(status: int, what: str = "", said: str = "above") -> None:
    """Raise ShakeproofError where the tests did not all pass: what a failing suite covers is no evidence.

    `what` of the tests ran, where it is not all of them, and where pytest said what it had to say.
    """
    if status == NO_TESTS:
        raise NothingToJudgeError(
            f"No test{what} was collected, so nothing was measured: select some."
        )
    if status == USAGE:
        raise ShakeproofError(
            f"pytest did not understand what it was asked to run{what}; it says why {said}."
        )
    if status:
        raise ShakeproofError(
            f"The tests{what} did not pass (pytest ended with {status}), so what they cover is no evidence: "
            f"mend them first; pytest says why {said}."
        )


def check_files(names: Iterable[str], data: str) -> None:
    """Raise ShakeproofError where the data file is not there, or others were left over.

    `names` are what lies in the session's folder once all is combined. A file of one process that is left over came
    after the others were combined or could not be read: its lines are missing from the report.
    """
    present = set(names)
    if data not in present:
        raise ShakeproofError(
            f"The data file {data} is not there after the tests: something removed it, or coverage did not run."
        )
    left = sorted(name for name in present if name.startswith(f"{data}."))
    if left:
        raise ShakeproofError(
            f"{len(left)} data files were lost ({', '.join(left[:3])}): they could not be combined, or came from a "
            "process that outlived the tests."
        )


def check_complete(measured: Iterable[str], present: Iterable[str]) -> None:
    """Raise ShakeproofError where a source file is not in the report: it would count for nothing instead of 0 %."""
    lost = sorted(set(present) - set(measured))
    if lost:
        raise ShakeproofError(
            f"{', '.join(lost)} is not in the coverage report, imported or not: give its folder an __init__.py, or "
            "take it out of omit."
        )
