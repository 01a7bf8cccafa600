"""The time that a thread had: what it waits for a processor that others have does not count."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from benching import ONE, TWO

from shakeproof.gates.benchmarks.processes import Side, try_out
from shakeproof.inject.shakeproof_elapsed import counts_waits, elapsed, waited

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benching import Bench

pytestmark = pytest.mark.skipif(
    not counts_waits(), reason="this system does not tell what a thread waits for"
)
SLICE = 0.02  # seconds: several turns that the system gives


@contextmanager
def company() -> Iterator[None]:
    """Share one processor with a process that always has something to do."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
            try:
                yield
            finally:
                other.kill()
    finally:
        os.sched_setaffinity(0, before)


def test_the_time_that_another_had_the_processor_does_not_count() -> None:
    """However long that was: what both clocks tell differs by what was waited."""
    with company():
        lost, begun, had = waited(), time.perf_counter(), elapsed()
        while waited() < lost + SLICE:
            pass
        own, wall = elapsed() - had, time.perf_counter() - begun

    assert 0 < own < wall - SLICE / 2


def test_what_is_waited_for_anything_else_counts() -> None:
    """A process that is awaited has its own time, and so has who waits for it."""
    others, had = os.times().children_user, elapsed()
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)

    assert elapsed() - had > (os.times().children_user - others) / 2


def test_it_is_told_what_a_benchmark_does_with_its_time(bench: Bench, tmp_path: Path) -> None:
    """Whether it computes by itself, or waits for what others compute."""
    bench.write(
        "bench/test_it.py",
        """
        import subprocess
        import sys

        def compute():
            return sum(range(3_000_000))

        def test_one(benchmark):
            benchmark.pedantic(compute)

        def test_two(benchmark):
            benchmark.pedantic(subprocess.run, ([sys.executable, "-c", ""],))
        """,
    )
    side = Side("HEAD", bench.root, Path(sys.executable), tmp_path / "scratch")

    watched, seconds = try_out(side, ["bench"], hash_seed=1)

    assert set(watched.computing) == {ONE, TWO} == set(seconds)
    assert watched.computing[TWO] < 0.5 < watched.computing[ONE]
