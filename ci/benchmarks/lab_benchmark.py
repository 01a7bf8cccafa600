"""Measure what the fork laboratory gains, as ratios of things measured in one run on one machine.

python -m benchmarks.lab_benchmark            print the table
python -m benchmarks.lab_benchmark --write    put it into docs/lab-benchmark.md as well
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks import culprit_search, guard, memory, probes, same_evidence
from benchmarks.scene import JOBS, say
from benchmarks.table import Figure, table
from shakeproof.errors import ShakeproofError
from shakeproof.gates import pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PAGE = Path(__file__).parents[2] / "docs" / "lab-benchmark.md"
PARTS = ("evidence", "culprits", "probes", "memory", "guard")
GiB = 1 << 30


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    evidence: same_evidence.Evidence = field(default_factory=same_evidence.Evidence)
    polluted: tuple[int, ...] = (100, 1000)  # tests
    races: int = 3
    empty: int = 100  # tests
    probes: int = 500
    many: int = 10_000  # tests
    runs: int = 50  # of the many
    guard: guard.Rounds = field(default_factory=guard.Rounds)


QUICK = Sizes(
    evidence=same_evidence.Evidence(
        declared=1, shuffled=1, rounds=1, sample=1, arguments=("tests/unit/test_bins.py",)
    ),
    polluted=(4,),
    races=1,
    empty=5,
    probes=5,
    many=60,
    runs=3,
    guard=guard.Rounds(times=1, arguments=("tests/unit/test_bins.py",)),
)


def main(argv: Sequence[str]) -> int:
    """Measure, print the table, and write the page where that is asked for.

    0 whatever the verdicts are; 2, before anything is measured, where the page has no place for them.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.lab_benchmark",
        description="Measure the fork laboratory against plain pytest and detect-test-pollution. Takes about twenty "
        "minutes on two cores; what else they do shows.",
    )
    parser.add_argument(
        "--write", nargs="?", type=Path, const=PAGE, metavar="PAGE",
        help="put the results between the markers of this page (default: docs/lab-benchmark.md)",
    )  # fmt: skip
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes: whether it works, not how fast it is"
    )
    parser.add_argument(
        "--only", action="append", choices=PARTS, help="measure this part alone (repeatable)"
    )
    arguments = parser.parse_args(argv)
    page: Path | None = arguments.write
    try:
        old = pages.read(page) if page is not None and page.exists() else pages.EMPTY
    except ShakeproofError as error:
        say(str(error))
        return error.exit_status
    sizes = QUICK if arguments.quick else Sizes()
    loads = [os.getloadavg()[0]]
    figures = []
    for figure in _figures(sizes, arguments.only or PARTS):
        say(f"{figure.what}: {figure.measured} ({figure.how})")  # in case the rest is interrupted
        figures.append(figure)
    loads.append(os.getloadavg()[0])
    results = f"{_conditions(loads, quick=arguments.quick)}\n\n{table(figures)}"
    print(results)
    if page is not None:
        page.write_text(pages.replaced(old, results), encoding="utf-8")
    return 0


def _figures(sizes: Sizes, parts: Sequence[str]) -> Iterator[Figure]:
    measures: dict[str, Callable[[], Iterator[Figure]]] = {
        "evidence": lambda: same_evidence.measure(sizes.evidence),
        "culprits": lambda: culprit_search.measure(sizes.polluted, sizes.races),
        "probes": lambda: probes.measure(sizes.empty, sizes.probes),
        "memory": lambda: memory.measure(sizes.many, sizes.runs),
        "guard": lambda: guard.measure(sizes.guard),
    }
    for part in PARTS:
        if part in parts:
            yield from measures[part]()


def _conditions(loads: Sequence[float], *, quick: bool) -> str:
    """Say under which circumstances the numbers came about; the load tells how much else was going on."""
    memory_size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GiB
    before, after = loads
    sizes = " Tiny sizes (`--quick`): the figures mean nothing." if quick else ""
    return (
        f"Measured on {time.strftime('%Y-%m-%d', time.gmtime())}: {platform.system()} "
        f"{platform.release().partition('-')[0]} on {platform.machine()}, {JOBS} cores, {memory_size:.0f} GiB, "
        f"Python {platform.python_version()}, pytest {pytest.__version__}; load average {before:.1f} before "
        f"and {after:.1f} after.{sizes}"
    )


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
