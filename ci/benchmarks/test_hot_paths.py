"""Shakeproof's own hot paths; timed in `nox -s benchmark-baseline`, tested in the session `engine`.

At full size the classification takes a tenth of a second or more, so it is timed only five times in a process; the gate
has many processes.
"""

from __future__ import annotations

import os
from random import Random
from typing import TYPE_CHECKING

import pytest

from benchmarks.scene import laboratory, scratch
from benchmarks.suites import write_empty
from shakeproof.investigate.classify import classify
from shakeproof.model import Experiment, Instability, Kind, Outcome, Run, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

    from shakeproof.lab.fork import ForkLab

TESTS, RUNS, DECLARED = 10_000, 50, 10
EVERY = 1000  # one test in so many is a victim of the one a hundred before it
MESSAGE = "AssertionError: assert 'fast' == 'safe'"


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    """Make runs of a large suite with a few victims: some in the declared order, most of them shuffled."""
    random = Random(1)  # noqa: S311 - repeatable, not secret
    names = [f"tests/test_{number // 25:03}.py::test_{number:05}" for number in range(TESTS)]
    passed = {name: Outcome(name, Status.PASSED) for name in names}
    failed = {name: Outcome(name, Status.FAILED, MESSAGE) for name in names[500::EVERY]}
    polluters = dict(zip(names[500::EVERY], names[400::EVERY], strict=True))
    return [_run(random, number, passed, failed, polluters) for number in range(RUNS)]


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[ForkLab]:
    """Open a laboratory on a small suite of empty tests, as if no pytest were around it."""
    for name in [name for name in os.environ if name.startswith(("PYTEST_", "PYTHONPATH"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    with scratch() as folder:
        write_empty(folder / "suite", 10)
        with laboratory(folder / "suite", jobs=1) as lab:
            yield lab


def test_classify_10_000_tests_in_50_runs(benchmark: BenchmarkFixture, runs: list[Run]) -> None:
    """Each victim is found, and no other test is suspected."""
    suspicions = benchmark.pedantic(classify, args=(runs,), rounds=3)  # type: ignore[no-untyped-call] # has none

    assert {each.kind for each in suspicions} == {Instability.VICTIM}
    assert len(suspicions) == TESTS // EVERY


def test_one_probe_of_the_fork_laboratory(benchmark: BenchmarkFixture, lab: ForkLab) -> None:
    """A test is run from the state after the collection, and its outcome is told."""
    test = lab.collected[0]
    probe = Experiment("probe", Kind.ALONE, tests=(test,), hash_seed=0)

    (run,) = benchmark(lambda: list(lab.run([probe])))

    assert [(each.test, each.status) for each in run.outcomes] == [(test, Status.PASSED)]


def _run(
    random: Random,
    number: int,
    passed: dict[str, Outcome],
    failed: dict[str, Outcome],
    polluters: dict[str, str],
) -> Run:
    """Tell one run: behind its polluter a victim fails, but not in the declared order."""
    order = list(passed)
    outcomes = dict(passed)
    declared = number < DECLARED
    if not declared:
        random.shuffle(order)
        late = (name for name in polluters if order.index(polluters[name]) < order.index(name))
        outcomes |= {name: failed[name] for name in late}
    experiment = Experiment(
        f"run #{number}", Kind.DECLARED if declared else Kind.SHUFFLED, seed=number, hash_seed=0
    )
    return Run(experiment, tuple(outcomes[name] for name in order), tuple(order), 1.0, 0)
