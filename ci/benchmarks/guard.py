"""What `pytest --leaks` costs: the backend's suite with the guard and without, in turn."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.scene import say, timed
from benchmarks.table import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PLAIN = ("-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist", "--no-header")
PLAINLY = ""
WAYS = {PLAINLY: (), "report": ("--leaks=report",), "fail": ("--leaks=fail",)}
MILLISECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often each way is run, and which part of the suite."""

    times: int = 3
    arguments: tuple[str, ...] = ()


def measure(rounds: Rounds) -> Iterator[Figure]:
    """Give the figures: medians of what each round shows, so that a slow moment meets all ways alike."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    tests = 0
    for number in range(rounds.times):
        say(f"the backend's suite without the guard and with it, round {number + 1}")
        for way, options in WAYS.items():
            taken, tests = _run(*options, *rounds.arguments)
            seconds[way].append(taken)
    guarded = [way for way in WAYS if way != PLAINLY]
    for way in guarded:
        ratios = [
            with_it / plain for with_it, plain in zip(seconds[way], seconds[PLAINLY], strict=True)
        ]
        yield Figure(
            f"the backend's suite with `--leaks={way}` to the same without",
            f"{statistics.median(ratios):.2f} : 1",
            how=f"median of {rounds.times} rounds in turn ({min(ratios):.2f} to {max(ratios):.2f}), whole processes",
        )
    more = [
        (with_it - plain) * 1000 / tests
        for way in guarded
        for with_it, plain in zip(seconds[way], seconds[PLAINLY], strict=True)
    ]
    median = statistics.median(more)
    yield Figure(
        "the same for each test",
        f"{median:.1f} ms more",
        f"at most {MILLISECONDS:g} ms",
        median <= MILLISECONDS,
        f"wall time divided by {tests:,} tests; median of {len(more)} pairs of runs",
    )


def _run(*options: str) -> tuple[float, int]:
    """Give the wall seconds that pytest took, and how many tests passed. Raises RuntimeError where it was red."""
    command = [sys.executable, "-m", "pytest", *PLAIN, f"--rootdir={ROOT}", *options]
    with timed() as watch:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    passed = re.search(r"(\d+) passed", done.stdout)
    if done.returncode or passed is None:
        raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return watch.seconds, int(passed[1])
