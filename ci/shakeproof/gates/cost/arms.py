"""In which ways the suite is run (pure)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shakeproof.gates.cost.settings import Settings

SERIAL: Final = "serial"
COVERAGE, LEAKS, RANDOMLY, JSON = "coverage", "leak guard", "randomly", "JSON report"
OVERHEADS: Final = (COVERAGE, LEAKS, RANDOMLY, JSON)
WORKERS: Final = (1, 2, 3, 4)  # one number more than the law has unknowns
NUMBER: Final = "-n "
ONE_PROCESS: Final = ("-n", "0")
DECLARED: Final = ("-p", "no:randomly")


@dataclass(frozen=True)
class Arm:
    """One way to run the whole suite."""

    name: str
    options: tuple[str, ...]  # of pytest; {folder} stands for a place to write to
    workers: int = 0  # 0: none, the tests run in pytest's own process


def worker_counts(cores: int, auto: int) -> tuple[int, ...]:
    """List the numbers of workers to measure: a few, one for each core, and what `-n auto` makes.

    A number that is there twice is measured once.
    """
    return tuple(sorted({*WORKERS, cores, *([auto] if auto else [])}))


def arms(settings: Settings, counts: Sequence[int]) -> tuple[Arm, ...]:
    """List them: serial, with so many workers each, and serial with one thing more."""
    serial = (*DECLARED, *ONE_PROCESS)
    covered = (f"--cov={settings.source}", "--cov-branch", "--cov-report=", "--cov-fail-under=0")
    return (
        Arm(SERIAL, serial),
        *(Arm(parallel(count), (*DECLARED, "-n", str(count)), count) for count in counts),
        Arm(COVERAGE, (*serial, *covered)),
        Arm(LEAKS, (*serial, "--leaks=report")),
        Arm(RANDOMLY, ONE_PROCESS),
        Arm(JSON, (*serial, "--report-log={folder}/report-log.jsonl")),
    )


def parallel(workers: int) -> str:
    """Name the run with so many workers."""
    return f"{NUMBER}{workers}"


def workers_of(name: str) -> int:
    """Tell how many workers a way of that name has; 0 in one process."""
    return int(name.removeprefix(NUMBER)) if name.startswith(NUMBER) else 0


def order(every: Sequence[Arm], round_: int) -> tuple[Arm, ...]:
    """Mix the ways anew in each round, so that a slow moment of the machine meets no two of them always."""
    mixed = list(every)
    random.Random(round_).shuffle(mixed)  # noqa: S311 - no secret: the same rounds for everybody
    return tuple(mixed)
