"""Machine instructions under valgrind: a second signal, the same however busy the machine is.

A process calls the benchmark n times, another one 2n times, and the difference is what n calls take: imports, fixtures
and everything else that happens once cancels out (N. Nethercote, J. Seward, "Valgrind: a framework for heavyweight
dynamic binary instrumentation", PLDI 2007, tells of the instrument; its cachegrind counts without simulating a cache
here). PYTHONHASHSEED is fixed, so that sets are walked in the same order. What happens once still varies, by up to
30 million of 5 thousand million instructions for this repository: so n is large, every process begins with an empty
temporary folder, and the smaller of two counts is taken.

Instructions are not time: a cache miss counts like an addition, waiting counts nothing. They never decide; they say
whether a doubtful time has a reason.
"""

from __future__ import annotations

import math
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks.processes import check_passed, run
from shakeproof.gates.benchmarks.settings import named_among

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shakeproof.gates.benchmarks.processes import Side
    from shakeproof.gates.benchmarks.settings import Settings

WORTH: Final = 0.5  # seconds that n calls take without valgrind
PROCESSES: Final = (
    2  # for each count, of which the smaller one counts: what varies by itself only adds
)
FEWEST, MOST = 5, 100_000
HASH_SEED: Final = 1
_TOTAL: Final = re.compile(r"^summary:\s*(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Counted:
    """Machine instructions of one call, on each side."""

    base: float
    head: float

    @property
    def ratio(self) -> float:
        """HEAD's to the base's."""
        return self.head / self.base


@dataclass(frozen=True)
class Counting:
    """What counts, and on which sides."""

    valgrind: str
    base: Side
    head: Side


def find_valgrind() -> str:
    """Say where it is; raise `ShakeproofError` where it is nowhere."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise ShakeproofError(
            "valgrind is not installed, and --instructions needs it: install it, or leave the option out."
        )
    return valgrind


def count_instructions(
    counting: Counting,
    seconds: Mapping[str, float],
    settings: Settings,
    say: Callable[[str], None],
) -> Mapping[str, Counted]:
    """Count for each benchmark that the settings call bound by the processor, by name; `seconds` is what a call takes.

    Raises `ShakeproofError` where nothing is counted.
    """
    chosen = [
        test
        for test in seconds
        if not settings.instructions or named_among(test, settings.instructions)
    ]
    counted = {}
    for test in chosen:
        say(f"instructions of {test}")
        calls = calls_worth_counting(seconds[test])
        of_base, of_head = (
            one_call(counting.valgrind, side, test, calls)
            for side in (counting.base, counting.head)
        )
        counted[test] = Counted(of_base, of_head)
    return counted


def calls_worth_counting(seconds: float) -> int:
    """Return how many calls of so many seconds are counted."""
    return max(FEWEST, min(MOST, math.ceil(WORTH / seconds)))


def total(written: str) -> int:
    """Return the instructions that a file of cachegrind tells of; raise `ShakeproofError` where it tells of none."""
    found = _TOTAL.search(written)
    if found is None:
        raise ShakeproofError(
            "valgrind counted nothing: try `valgrind --tool=cachegrind --cache-sim=no python -V`."
        )
    return int(found[1])


def one_call(valgrind: str, side: Side, test: str, calls: int) -> float:
    """Count the instructions of one of so many calls; raise `ShakeproofError` where that is impossible."""
    once, twice = (
        min(_process(valgrind, side, test, calls * times) for _ in range(PROCESSES))
        for times in (1, 2)
    )
    if twice <= once:
        raise ShakeproofError(
            f"{test} took no more instructions when it was called more often: it cannot be counted; name others in "
            "'instructions' of [tool.shakeproof.benchmarks]."
        )
    return (twice - once) / calls


def _process(valgrind: str, side: Side, test: str, calls: int) -> int:
    shutil.rmtree(side.scratch, ignore_errors=True)
    file = side.scratch / "cachegrind.out"
    prefix = (
        valgrind, "--tool=cachegrind", "--cache-sim=no", "--branch-sim=no", "--trace-children=no",
        "--quiet", f"--cachegrind-out-file={file}",
    )  # fmt: skip
    watched = run(
        side, ("--benchmark-disable", test), hash_seed=HASH_SEED, prefix=prefix,
        iterations=calls,
    )  # fmt: skip
    check_passed(side, watched)
    return total(file.read_text(encoding="utf-8") if file.exists() else "")
