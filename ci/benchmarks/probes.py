"""What one probe of an empty test costs, and every ordered pair of a hundred."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.scene import JOBS, laboratory, say, scratch, timed
from benchmarks.suites import write_empty
from benchmarks.table import Figure
from shakeproof.model import Experiment, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shakeproof.lab.fork import ForkLab
    from shakeproof.model import Run

PROBE_MILLISECONDS = 6.0
PAIRS_SECONDS = 60.0
# What a fork costs on this machine at this time, whatever we do: one that does nothing, of a process as large as an
# idle pytest.
BARE_FORKS = """
import os, statistics, sys, time
import _pytest.python, _pytest.fixtures, _pytest.capture, _pytest.logging, _pytest.terminal, hypothesis, xdist
def fork():
    begun = time.perf_counter()
    process = os.fork()
    if process == 0:
        os._exit(0)
    os.waitpid(process, 0)
    return time.perf_counter() - begun
print(statistics.median(fork() for _ in range(int(sys.argv[1]))))
"""


def measure(tests: int, probes: int) -> Iterator[Figure]:
    """Give the figures for a suite of so many empty tests."""
    with scratch() as folder:
        suite = folder / "suite"
        write_empty(suite, tests)
        with laboratory(suite) as lab:
            say(f"{probes} probes of an empty test among {tests}")
            bare = _bare_fork(probes)
            probe = statistics.median(_probes(lab.at_once(1), probes)) * 1000
            with timed() as together:
                _all_at_once(lab.at_once(JOBS), probes)
            bare = statistics.median((bare, _bare_fork(probes))) * 1000
            say(f"all {tests * tests} ordered pairs")
            with timed() as pairs:
                _pairs(lab)
    yield Figure(
        f"one probe of an empty test among {tests}",
        f"{probe:.1f} ms",
        f"at most {PROBE_MILLISECONDS:g} ms",
        probe <= PROBE_MILLISECONDS,
        f"median of {probes}, one at a time, as the caller sees it: asked, forked, run, told",
    )
    yield Figure(
        "such a probe to a bare fork on the same machine, at the same time",
        f"{probe / bare:.1f} : 1",
        how=f"a process that has imported pytest forks, exits and is waited for in {bare:.1f} ms (median)",
    )
    yield Figure(
        f"one of {probes} such probes that are asked together",
        f"{together.seconds * 1000 / probes:.1f} ms",
        how=f"{JOBS} at a time; they share what it takes to come to the state after the collection",
    )
    yield Figure(
        f"all {tests * tests:,} ordered pairs of {tests} empty tests",
        f"{pairs.seconds:.1f} s",
        f"under {PAIRS_SECONDS:g} s",
        pairs.seconds < PAIRS_SECONDS,
        f"one checkpoint behind each test and {tests} forks of it, {JOBS} such trees at a time: "
        f"{pairs.seconds * 1000 / tests**2:.1f} ms a pair",
    )


def _bare_fork(times: int) -> float:
    """Give the median seconds of one."""
    done = subprocess.run(
        [sys.executable, "-c", BARE_FORKS, str(times)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def _probes(lab: ForkLab, count: int) -> Iterator[float]:
    """Yield the seconds from one answer to the next."""
    since = time.perf_counter()
    for probe in _planned(lab, count):
        for run in lab.run([probe]):
            _check(run)
        now = time.perf_counter()
        yield now - since
        since = now


def _all_at_once(lab: ForkLab, count: int) -> None:
    for run in lab.run(_planned(lab, count)):
        _check(run)


def _check(run: Run) -> None:
    if run.exit_status != os.EX_OK:
        raise RuntimeError(f"an empty test ended with status {run.exit_status}")


def _planned(lab: ForkLab, count: int) -> list[Experiment]:
    tests = lab.collected
    return [
        Experiment(str(number), Kind.ALONE, tests=(tests[number % len(tests)],), hash_seed=0)
        for number in range(count)
    ]


def _pairs(lab: ForkLab) -> None:
    tests = lab.collected
    endings = tuple((second,) for second in tests)
    stems = (Experiment(first, Kind.PAIR, tests=(first,), hash_seed=0) for first in tests)
    pairs = lab.at_once(JOBS).behind((stem, endings) for stem in stems)
    passed = sum(not run.exit_status for run in pairs)
    if passed != len(tests) ** 2:
        raise RuntimeError(f"{passed} of {len(tests) ** 2} pairs passed")
