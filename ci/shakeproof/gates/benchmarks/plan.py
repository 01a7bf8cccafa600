"""In which order processes run, under which hash seed, and whose turn it is (pure).

Each round is the base, HEAD and the base again. Over six rounds every order of the three occurs once, so that neither
side is favoured by a machine that warms up or slows down; which comes when is random, so that nothing periodic can
favour one either. Within a round all have one PYTHONHASHSEED, since the order of sets and dictionaries is part of what
is compared; the next round has another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations
from random import Random
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Arm: TypeAlias = Literal["base", "head", "again"]
ARMS: Final[tuple[Arm, ...]] = ("base", "head", "again")
MOST_HASH_SEED: Final = 2**32 - 1
MOST_PROCESSORS: Final = 2**16
# Over six calls each of the three comes behind each other one three times, and behind itself never: what one leaves in
# the caches meets all alike. (E. J. Williams, "Experimental designs balanced for the estimation of residual effects of
# treatments", Australian Journal of Scientific Research A 2 (1949), pp. 149-168.)
CALLS: Final = ((0, 1, 2), (0, 2, 1), (2, 1, 0), (1, 0, 2), (1, 2, 0), (2, 0, 1))
WORTH: Final = 0.12  # seconds that a benchmark is timed in one process...
# ...and all together so many at least: where few are left, processes mostly start.
WORTH_TOGETHER: Final = 0.6
# What takes so many seconds, and computes for so much of it by itself, is called on all sides at the same time.
LONG: Final = 0.02
COMPUTING: Final = 0.9
# So many calls of each at least, and at most: a median needs three, and what is long averages by itself.
FEWEST, MOST = 3, 30


@dataclass(frozen=True)
class Effort:
    """How many rounds are made."""

    # When the first series is judged; the last is its limit.
    looks: tuple[int, ...] = (7, 11, 16, 24)
    second: tuple[int, ...] = (8, 12)  # the same of the second series


@dataclass(frozen=True)
class RoundPlan:
    """One round: its order, and what its processes share."""

    order: tuple[Arm, ...]
    hash_seed: int
    place: int  # of their processor among those there are, modulo their number


@dataclass(frozen=True, order=True)
class Place:
    """Where a process is: before this call of this benchmark, both counted from 0."""

    benchmark: int
    call: int
    shared: bool = False  # whether all make it at the same time


def round_plans(seed: int) -> Iterator[RoundPlan]:
    """Yield rounds without end; the same seed gives the same ones."""
    random = Random(seed)  # noqa: S311 - repeatable, not secret
    while True:
        block = list(permutations(ARMS))
        random.shuffle(block)
        for order in block:
            yield RoundPlan(
                order, random.randrange(1, MOST_HASH_SEED), random.randrange(MOST_PROCESSORS)
            )


def calls_worth(seconds: float, benchmarks: int) -> int:
    """Return how often what takes so many seconds is called in a process that measures so many benchmarks."""
    return max(FEWEST, min(MOST, math.ceil(max(WORTH, WORTH_TOGETHER / benchmarks) / seconds)))


def is_shared(seconds: float, computing: float) -> bool:
    """Whether a processor is best shared by all sides at the same time: what runs for long, and waits for nothing.

    The system lets them take turns of some milliseconds then, and so they all meet what comes and goes meanwhile.
    """
    return seconds >= LONG and computing >= COMPUTING


def who_goes(
    waiting: Mapping[Arm, Place], behind_all: int, order: tuple[Arm, ...]
) -> tuple[Arm, ...]:
    """Choose among processes that wait: one of those furthest behind makes its call - or all, where it is shared.

    Those whose calls are made (`behind_all` stands for the next one) go on when nobody has one left, and all at once:
    to clean up and to prepare may overlap, since nobody is timed.
    """
    furthest = min(waiting.values())
    behind = tuple(arm for arm in order if waiting.get(arm) == furthest)
    if furthest.shared or furthest.call == behind_all:
        return behind
    turn = CALLS[furthest.call % len(CALLS)]
    return (next(order[place] for place in turn if order[place] in behind),)
