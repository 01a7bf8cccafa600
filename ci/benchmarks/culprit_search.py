"""Who pollutes this victim? detect-test-pollution names one test, Shakeproof all of them."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.scene import JOBS, laboratory, say, scratch, timed
from benchmarks.suites import write_polluted
from benchmarks.table import Figure
from shakeproof.investigate.culprits import all_culprits
from shakeproof.model import Experiment, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from shakeproof.lab.fork import ForkLab

TIMES_FASTER = 20.0


@dataclass(frozen=True, slots=True)
class Race:
    """One search by each, in seconds."""

    rival: float
    starting: float  # of ours: until the laboratory had collected
    searching: float

    @property
    def ratio(self) -> float:
        """How many times faster we are, the collection included."""
        return self.rival / (self.starting + self.searching)

    @property
    def search_ratio(self) -> float:
        """The same where the laboratory stands already, as in `shakeproof stability`."""
        return self.rival / self.searching


def measure(sizes: Sequence[int], times: int) -> Iterator[Figure]:
    """Give two figures for each size of a suite: with and without the start of the laboratory."""
    for tests in sizes:
        races = [_race(tests) for _ in range(times)]
        rival, starting, searching = (
            statistics.median(getattr(race, name) for race in races)
            for name in ("rival", "starting", "searching")
        )
        how = f"median of {times} races; {rival:.1f} s against "
        yield _figure(
            f"detect-test-pollution to Shakeproof, one victim among {tests:,} tests",
            [race.ratio for race in races],
            f"{how}{starting + searching:.2f} s, {starting:.2f} s of it to start and collect",
        )
        yield _figure(
            f"the same among {tests:,} tests, where the laboratory stands already",
            [race.search_ratio for race in races],
            f"{how}{searching:.2f} s: all {tests - 1:,} possible polluters",
        )


def _figure(what: str, ratios: Sequence[float], how: str) -> Figure:
    """Hold how many times faster we are in the middle one of the races against what is asked for."""
    ratio = statistics.median(ratios)
    target = f"at least {TIMES_FASTER:g} : 1"
    return Figure(what, f"{ratio:.1f} : 1", target, ratio >= TIMES_FASTER, how)


def _race(tests: int) -> Race:
    with scratch() as folder:
        suite = folder / "suite"
        polluter, victim = write_polluted(suite, tests)
        say(f"detect-test-pollution among {tests} tests")
        with timed() as rival:
            _rival(suite, victim, polluter)
        say(f"Shakeproof among {tests} tests")
        begun = time.perf_counter()
        with laboratory(suite) as lab:
            starting = time.perf_counter() - begun
            with timed() as searching:
                _search(lab, victim, polluter)
        return Race(rival.seconds, starting, searching.seconds)


def _rival(suite: Path, victim: str, polluter: str) -> None:
    # Run with -m, it would tell its pytest processes to load a plugin `__main__`.
    call = "from detect_test_pollution import main; raise SystemExit(main())"
    asked = ("--failing-test", victim, "--tests", ".")
    done = subprocess.run(
        [sys.executable, "-c", call, *asked], cwd=suite, capture_output=True, text=True, check=True
    )
    if f"the polluting test is: {polluter}" not in done.stdout:
        raise RuntimeError(f"detect-test-pollution did not find {polluter}: {done.stdout}")


def _search(lab: ForkLab, victim: str, polluter: str) -> None:
    def fails_behind(beginnings: Sequence[tuple[str, ...]]) -> list[bool]:
        probes = [
            Experiment(str(number), Kind.REPLAY, tests=(*beginning, victim), hash_seed=0)
            for number, beginning in enumerate(beginnings)
        ]
        fails = {
            run.experiment.label: any(each.bad and each.test == victim for each in run.outcomes)
            for run in lab.at_once(JOBS).run(probes)
        }
        return [fails[probe.label] for probe in probes]

    others = [test for test in lab.collected if test != victim]
    found = all_culprits(others, others, fails_behind)
    if found != ((polluter,),):
        raise RuntimeError(f"Shakeproof accuses {found}, and not {polluter}")
