"""Which runs are worth making (pure)."""

from __future__ import annotations

import itertools
import operator
import random
from collections import Counter
from typing import TYPE_CHECKING

from shakeproof.model import Experiment, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shakeproof.model import Endings

# Sets of strings are ordered by the hash seed, and dictionaries built from them with it. Six seeds show all six
# orders of a set of three strings at best; what follows the hash seed more finely than that is caught by chance.
HASH_SEEDS = (0, 1, 2, 3, 4, 5)


def shuffle_seeds(count: int, master: int) -> tuple[int, ...]:
    """Draw `count` different seeds; the same master seed gives the same ones."""
    plan = random.Random(master)  # noqa: S311  (a plan, not a secret)
    return tuple(plan.sample(range(1, 2**31), count))


def comparison(
    *, repeat: int, seeds: Sequence[int], parallel: bool, concurrent: bool = False
) -> tuple[Experiment, ...]:
    """Plan the runs that a suite has to agree on: its declared order, shuffles, and workers side by side.

    Shuffling is pytest-randomly's and spreading is xdist's, as the project's own runs have them; everything else that
    changes order or repeats failures is off. `concurrent` says that runs will be made side by side - but for the
    parallel one, which has all cores to itself.
    """
    declared = (
        Experiment(
            label=f"declared #{number + 1}",
            kind=Kind.DECLARED,
            hash_seed=HASH_SEEDS[number % len(HASH_SEEDS)],
            concurrent=concurrent,
        )
        for number in range(repeat)
    )
    shuffled = (
        Experiment(
            label=f"seed {seed}",
            kind=Kind.SHUFFLED,
            options=(f"--randomly-seed={seed}",),
            plugins=frozenset({"randomly"}),
            seed=seed,
            hash_seed=HASH_SEEDS[0],
            concurrent=concurrent,
        )
        for seed in seeds
    )
    spread = (
        Experiment(
            label="parallel",
            kind=Kind.PARALLEL,
            options=("-n", "auto", "--dist", "loadfile"),
            plugins=frozenset({"xdist"}),
            hash_seed=HASH_SEEDS[0],
        )
        for _ in range(parallel)
    )
    return (*declared, *shuffled, *spread)


def alone(test: str, times: int) -> tuple[Experiment, ...]:
    """Plan runs of one test by itself."""
    return tuple(
        Experiment(
            label=f"alone #{number + 1} {test}",
            kind=Kind.ALONE,
            tests=(test,),
            hash_seed=HASH_SEEDS[0],
        )
        for number in range(times)
    )


def reordered(tests: Sequence[str], seeds: Iterable[int]) -> Iterator[Experiment]:
    """Plan shuffles of the collected tests, one for each seed, the same for the same seed and tests.

    Each is drawn when it is asked for: of a hundred, all but the first few are seldom wanted.

    Every other one shuffles as pytest-randomly does: modules among themselves, classes in their module, tests in
    their class. Such orders keep together what shares fixtures; the others put any test beside any other.
    """
    for place, seed in enumerate(seeds):
        yield Experiment(
            label=f"shuffle {seed}",
            kind=Kind.SHUFFLED,
            tests=_shuffled(tests, seed, together=bool(place % 2)),
            seed=seed,
            hash_seed=HASH_SEEDS[0],
        )


def _shuffled(tests: Sequence[str], seed: int, *, together: bool) -> tuple[str, ...]:
    chance = random.Random(seed)  # noqa: S311  (a plan, not a secret)
    if not together:
        return tuple(chance.sample(tests, len(tests)))
    drawn: dict[tuple[str, ...], float] = {}

    def place(test: str) -> list[float]:
        """Give each scope around the test a number of its own: those that share a scope share its number."""
        parts = _scopes(test)
        scopes = (parts[: depth + 1] for depth in range(len(parts)))
        return [drawn.setdefault(scope, chance.random()) for scope in scopes]

    return tuple(sorted(tests, key=place))


def _scopes(test: str) -> tuple[str, ...]:
    """Split a node id at its module and classes: a parameter may hold `::` and stays with its test."""
    plain, bracket, parameter = test.partition("[")
    *scopes, name = plain.split("::")
    return (*scopes, name + bracket + parameter)


def copies(again: int = 0) -> tuple[Experiment, ...]:
    """Plan two runs of the whole suite that are to be made at the same time, for the first time or again."""
    return tuple(
        Experiment(
            label=f"copy {number} of 2" + (f", again #{again}" if again else ""),
            kind=Kind.CONCURRENT,
            hash_seed=HASH_SEEDS[0],
            concurrent=True,
            shares_temporary=True,  # as they would, started by hand
        )
        for number in (1, 2)
    )


def suspicious_first(tests: Sequence[str], blamed: Iterable[str]) -> tuple[str, ...]:
    """Sort tests by how likely they leave something behind: culprits, their neighbours, then one of each file in turn.

    However far one comes in that order, no file is left out for another.
    """
    guilty = tuple(dict.fromkeys(blamed))
    files = frozenset(_scopes(test)[0] for test in guilty)
    turn: Counter[str] = Counter()

    def place(test: str) -> tuple[bool, bool, int]:
        file = _scopes(test)[0]
        turn[file] += 1
        return test not in guilty, file not in files, turn[file]

    return tuple(sorted(tests, key=place))


def pairs(tests: Sequence[str]) -> Iterator[tuple[str, str]]:
    """List every ordered pair, those with the same first test one after the other."""
    return ((first, second) for first in tests for second in tests if second != first)


def stems(pairs: Iterable[tuple[str, str]], most: int) -> Iterator[tuple[Experiment, Endings]]:
    """Plan pairs: the first test as a stem, and behind it the second of each pair that begins so, at most so many."""
    for first, same in itertools.groupby(pairs, key=operator.itemgetter(0)):
        stem = Experiment(f"behind {first}", Kind.PAIR, tests=(first,), hash_seed=HASH_SEEDS[0])
        while endings := tuple((second,) for _, second in itertools.islice(same, most)):
            yield stem, endings


def backwards(tests: Sequence[str]) -> Experiment:
    """Plan the declared order from its end to its beginning."""
    return Experiment(
        label="reversed",
        kind=Kind.REVERSED,
        tests=tuple(reversed(tests)),
        hash_seed=HASH_SEEDS[0],
    )


def twice(test: str) -> Experiment:
    """Plan one test two times in a row: what it leaves behind may be its own undoing."""
    return Experiment(
        label=f"twice {test}", kind=Kind.TWICE, tests=(test, test), hash_seed=HASH_SEEDS[0]
    )
