"""The same evidence about the backend's suite, from plain pytest in a loop and from the fork laboratory.

The evidence: runs in the declared order, shuffled runs, and each test alone in a process of its own. With plain pytest
that takes the better part of an hour, so each contestant makes the same sample of it, a piece at a time and in turn -
whatever else the machine does meets them all - and the whole is extrapolated from that.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
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

    from shakeproof.lab.fork import ForkLab

ROOT = Path(__file__).parents[2]
MASTER_SEED = 20_260
QUIET = ("-q", "-p", "no:cacheprovider", "--no-header")
TIMES_FASTER = 5.0
OVER_LIMIT = 1.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much of it, and how much of that is measured."""

    declared: int = 10
    shuffled: int = 5
    rounds: int = 3  # in each: `JOBS` whole runs, declared or shuffled, and some tests alone
    sample: int = 42  # tests alone, in all rounds together
    arguments: tuple[str, ...] = ()  # for pytest: the part of the suite

    @property
    def hash_seeds(self) -> tuple[int, ...]:
        """As many as `shakeproof stability` takes for so many runs."""
        return orders.HASH_SEEDS[: max(1, min(self.declared, len(orders.HASH_SEEDS)))]


@dataclass(slots=True)
class Tally:
    """What one contestant's sample took: wall seconds, and the tests' own."""

    whole: float = 0.0
    alone: float = 0.0
    tests_whole: float = 0.0
    tests_alone: float = 0.0
    bad: int = 0  # outcomes, or processes of plain pytest


@dataclass(slots=True)
class Race:
    """The sample that was made, and what it took whom."""

    tests: int = 0  # of the suite
    starting: float = 0.0  # seconds until the templates had collected
    collection: float = 0.0  # seconds: one
    runs: int = 0  # whole runs made
    alone: int = 0  # tests run alone
    forked: Tally = field(default_factory=Tally)
    loops: dict[int, Tally] = field(default_factory=dict)  # plain pytest, by jobs


def measure(evidence: Evidence) -> Iterator[Figure]:
    """Give the figures, from one race."""
    race = _race(evidence)
    runs = evidence.declared + evidence.shuffled

    def extrapolated(whole: float, alone: float) -> float:
        return whole * runs / race.runs + alone * race.tests / race.alone

    forked = race.starting + extrapolated(race.forked.whole, race.forked.alone)
    how = (
        f"{evidence.declared} declared + {evidence.shuffled} shuffled runs + each of {race.tests:,} tests alone, "
        f"extrapolated from {race.runs} and {race.alone} made in turn; {forked:.0f} s forked, {JOBS} jobs "
        f"({race.forked.bad} failures)"
    )
    for jobs, loop in race.loops.items():
        plain = extrapolated(loop.whole, loop.alone)
        yield Figure(
            "plain pytest to the fork laboratory, "
            + ("one process after the other" if jobs == 1 else f"{jobs} processes at a time"),
            f"{plain / forked:.1f} : 1",
            f"at least {TIMES_FASTER:g} : 1",
            plain / forked >= TIMES_FASTER,
            f"{how}, {plain:.0f} s plain ({loop.bad} red processes); whole runs "
            f"{loop.whole / race.forked.whole:.1f} : 1, tests alone {loop.alone / race.forked.alone:.1f} : 1",
        )
    limit = extrapolated(race.forked.tests_whole, race.forked.tests_alone) / JOBS
    over = forked / (limit + race.collection)
    yield Figure(
        "the fork laboratory to the limit (test time / jobs, plus one collection)",
        f"{over:.2f} : 1",
        f"at most {OVER_LIMIT:g} : 1",
        over <= OVER_LIMIT,
        f"limit {limit:.0f} s, one collection {race.collection:.1f} s; {len(evidence.hash_seeds)} templates, one for "
        f"each hash seed, took {race.starting:.1f} s to collect",
    )


def _race(evidence: Evidence) -> Race:
    race = Race(loops={jobs: Tally() for jobs in sorted({1, JOBS})})
    race.collection = _collection(evidence)
    begun = time.perf_counter()
    with laboratory(ROOT, *evidence.arguments, hash_seeds=evidence.hash_seeds) as lab:
        race.starting = time.perf_counter() - begun
        race.tests = len(lab.collected)
        chance = random.Random(MASTER_SEED)  # noqa: S311  (a sample, not a secret)
        sample = chance.sample(lab.collected, min(evidence.sample, race.tests))
        for number in range(evidence.rounds):
            say(f"the backend's suite, round {number + 1} of {evidence.rounds}")
            # Two rounds of declared runs to one of shuffled ones: the proportion of the evidence.
            seeds = orders.shuffle_seeds(JOBS, number) if number % 3 == 1 else ()
            _round(race, lab, evidence, seeds, sample[number :: evidence.rounds])
    return race


def _round(
    race: Race, lab: ForkLab, evidence: Evidence, seeds: Sequence[int], sample: Sequence[str]
) -> None:
    """Let each contestant make the same runs, and test these alone."""
    planned = tuple(orders.reordered(lab.collected, seeds)) or orders.comparison(
        repeat=JOBS, seeds=(), parallel=False
    )
    alone = [orders.alone(test, 1)[0] for test in sample]
    race.runs += len(planned)
    race.alone += len(alone)
    whole_seconds, tests_whole = _forked(race, lab, planned)
    alone_seconds, tests_alone = _forked(race, lab, alone)
    race.forked.whole += whole_seconds
    race.forked.alone += alone_seconds
    race.forked.tests_whole += tests_whole
    race.forked.tests_alone += tests_alone
    whole: list[tuple[str, ...]] = [
        (f"--randomly-seed={seed}", *evidence.arguments) for seed in seeds
    ]
    whole = whole or [("-p", "no:randomly", *evidence.arguments)] * len(planned)
    for jobs, loop in race.loops.items():
        loop.whole += _looped(loop, whole, jobs)
        loop.alone += _looped(loop, [("-p", "no:randomly", test) for test in sample], jobs)


def _collection(evidence: Evidence) -> float:
    """Give the seconds that a fresh process needs until it knows its tests: `timing.collection` of the report."""
    looking = Experiment("collection", Kind.DECLARED, options=("--collect-only", "-q"))
    with scratch() as logs:
        target = Target(ROOT, sys.executable, evidence.arguments)
        (looked,) = FreshLab(target, logs, lambda *_: None).run([looking])
    return looked.collection_seconds


def _forked(race: Race, lab: ForkLab, experiments: Sequence[Experiment]) -> tuple[float, float]:
    """Give the seconds that these runs took, and those that the tests in them took."""
    with timed() as watch:
        runs = list(lab.run(experiments))
    outcomes = [outcome for run in runs for outcome in run.outcomes]
    race.forked.bad += sum(outcome.bad for outcome in outcomes)
    return watch.seconds, sum(outcome.seconds for outcome in outcomes)


def _looped(loop: Tally, commands: Sequence[Sequence[str]], jobs: int) -> float:
    """Run pytest once for each, and give the seconds that took."""

    def one(command: Sequence[str]) -> int:
        return subprocess.run(
            [sys.executable, "-m", "pytest", *QUIET, f"--rootdir={ROOT}", *command],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode

    with ThreadPoolExecutor(jobs) as pool, timed() as watch:
        statuses = list(pool.map(one, commands))
    loop.bad += sum(status != 0 for status in statuses)
    return watch.seconds
