"""The same evidence about the backend's suite, from plain pytest in a loop and from the fork laboratory.

The evidence: runs in the declared order, shuffled runs, and each test alone in a process of its own.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.scene import JOBS, laboratory, say, scratch, timed
from benchmarks.table import Figure
from shakeproof import orders
from shakeproof.lab.base import Target
from shakeproof.lab.fresh import FreshLab
from shakeproof.model import Experiment, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from shakeproof.lab.fork import ForkLab
    from shakeproof.model import Run

ROOT = Path(__file__).parents[2]
MASTER_SEED = 20_260
QUIET = ("-q", "-p", "no:cacheprovider", "--no-header")
TIMES_FASTER = 5.0
OVER_LIMIT = 1.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much of it."""

    declared: int = 10
    shuffled: int = 5
    # What plain pytest runs of all that; the rest is extrapolated, since it would take the better part of an hour.
    whole: int = 6  # runs, declared and shuffled in the same proportion
    sample: int = 40  # tests alone
    arguments: tuple[str, ...] = ()  # for pytest: the part of the suite


@dataclass(frozen=True, slots=True)
class Forked:
    """What the laboratory did."""

    tests: tuple[str, ...]
    seconds: float
    starting: float  # of these, until the templates had collected
    limit: float  # seconds: `timing.limit` of the report
    collection: float  # seconds: one
    failures: int


@dataclass(frozen=True, slots=True)
class Looped:
    """What plain pytest did."""

    seconds: float  # extrapolated to all runs and tests
    red: int  # processes that did not exit with 0


def measure(evidence: Evidence) -> Iterator[Figure]:
    """Give the figures, from one run of each contestant."""
    forked = _forked(evidence)
    failures = f"{forked.failures} failed outcomes" if forked.failures else "no failure"
    tests = f"{len(forked.tests):,} tests"
    how = (
        f"{evidence.declared} declared + {evidence.shuffled} shuffled runs + each of {tests} alone, "
        f"{JOBS} jobs, {failures}; {forked.seconds:.1f} s"
    )
    for jobs in sorted({1, JOBS}):
        looped = _looped(evidence, forked.tests, jobs)
        ratio = looped.seconds / forked.seconds
        loop = "one after the other" if jobs == 1 else f"{jobs} at a time"
        sample = min(evidence.sample, len(forked.tests))
        whole = min(evidence.whole, evidence.declared + evidence.shuffled)
        yield Figure(
            f"plain pytest in a loop, {loop}, to the fork laboratory",
            f"{ratio:.1f} : 1",
            f"at least {TIMES_FASTER:g} : 1",
            ratio >= TIMES_FASTER,
            f"{how}, against {looped.seconds:.0f} s (extrapolated from {whole} whole runs and {sample} tests "
            f"alone, drawn at random; {looped.red} red processes)",
        )
    over = forked.seconds / (forked.limit + forked.collection)
    yield Figure(
        "the fork laboratory to the limit (test time / jobs, plus one collection)",
        f"{over:.2f} : 1",
        f"at most {OVER_LIMIT:g} : 1",
        over <= OVER_LIMIT,
        f"limit {forked.limit:.1f} s + collection {forked.collection:.1f} s; of {forked.seconds:.1f} s the "
        f"templates, one for each of {len(_hash_seeds(evidence))} hash seeds, took {forked.starting:.1f} s",
    )


def _hash_seeds(evidence: Evidence) -> tuple[int, ...]:
    """As many as `shakeproof stability` takes for so many runs."""
    return orders.HASH_SEEDS[: max(1, min(evidence.declared, len(orders.HASH_SEEDS)))]


def _laboratory(evidence: Evidence) -> AbstractContextManager[ForkLab]:
    return laboratory(ROOT, *evidence.arguments, hash_seeds=_hash_seeds(evidence))


def _forked(evidence: Evidence) -> Forked:
    say("the backend's suite in the fork laboratory")
    runs: list[Run] = []
    begun = time.perf_counter()
    with timed() as whole, _laboratory(evidence) as lab:
        starting = time.perf_counter() - begun
        tests = lab.collected
        seeds = orders.shuffle_seeds(evidence.shuffled, MASTER_SEED)
        runs += lab.run(orders.comparison(repeat=evidence.declared, seeds=(), parallel=False))
        runs += lab.run(orders.reordered(tests, seeds))
        runs += lab.run([orders.alone(test, 1)[0] for test in tests])
    # What a fresh process needs until it knows its tests: `timing.collection` of the report.
    looking = Experiment("collection", Kind.DECLARED, options=("--collect-only", "-q"))
    with scratch() as logs:
        target = Target(ROOT, sys.executable, evidence.arguments)
        (looked,) = FreshLab(target, logs, lambda *_: None).run([looking])
    outcomes = [outcome for run in runs for outcome in run.outcomes]
    return Forked(
        tests=tests,
        seconds=whole.seconds,
        starting=starting,
        limit=sum(outcome.seconds for outcome in outcomes) / JOBS,
        collection=looked.collection_seconds,
        failures=sum(outcome.bad for outcome in outcomes),
    )


def _looped(evidence: Evidence, tests: Sequence[str], jobs: int) -> Looped:
    chance = random.Random(MASTER_SEED)  # noqa: S311  (a sample, not a secret)
    sample = chance.sample(tests, min(evidence.sample, len(tests)))
    seeds = orders.shuffle_seeds(evidence.shuffled, MASTER_SEED)
    runs = evidence.declared + evidence.shuffled
    made = min(evidence.whole, runs)
    orderly = made * evidence.declared // runs
    declared = [("-p", "no:randomly", *evidence.arguments)] * orderly
    shuffled = [
        (f"--randomly-seed={seed}", *evidence.arguments) for seed in seeds[: made - orderly]
    ]
    alone = [("-p", "no:randomly", test) for test in sample]
    say(f"the same with plain pytest, {jobs} at a time: {len(declared + shuffled)} runs")
    whole, red = _processes([*declared, *shuffled], jobs)
    say(f"the same with plain pytest, {jobs} at a time: {len(alone)} of {len(tests)} tests alone")
    part, more = _processes(alone, jobs)
    return Looped(whole * runs / made + part * len(tests) / len(alone), red + more)


def _processes(commands: Sequence[Sequence[str]], jobs: int) -> tuple[float, int]:
    """Run pytest once for each; give the seconds that took, and how many were red."""
    with ThreadPoolExecutor(jobs) as pool, timed() as watch:

        def one(command: Sequence[str]) -> int:
            return subprocess.run(
                [sys.executable, "-m", "pytest", *QUIET, f"--rootdir={ROOT}", *command],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode

        statuses = list(pool.map(one, commands))
    return watch.seconds, sum(status != 0 for status in statuses)
