"""In which order processes run, and under which hash seed (pure).

Each round is the base, HEAD and the base again. Over six rounds every order of the three occurs once, so that neither
side is favoured by a machine that warms up or slows down; which comes when is random, so that nothing periodic can
favour one either. Within a round all have one PYTHONHASHSEED, since the order of sets and dictionaries is part of what
is compared; the next round has another.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from random import Random
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Arm: TypeAlias = Literal["base", "head", "again"]
ARMS: Final[tuple[Arm, ...]] = ("base", "head", "again")
MOST_HASH_SEED: Final = 2**32 - 1


@dataclass(frozen=True)
class Effort:
    """How many rounds are made."""

    looks: tuple[int, ...] = (8, 12, 18)  # when the first series is judged; the last is its limit
    second: int = 12  # of the second series


@dataclass(frozen=True)
class Turn:
    """One round: its order, and the PYTHONHASHSEED that its processes share."""

    order: tuple[Arm, ...]
    hash_seed: int


def turns(seed: int) -> Iterator[Turn]:
    """Yield rounds without end; the same seed gives the same ones."""
    random = Random(seed)  # noqa: S311 - repeatable, not secret
    while True:
        block = list(permutations(ARMS))
        random.shuffle(block)
        for order in block:
            yield Turn(order, random.randrange(1, MOST_HASH_SEED))
