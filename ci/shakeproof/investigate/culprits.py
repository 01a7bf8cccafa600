"""Who makes a victim fail, who saves it, and who makes a brittle test pass (pure: the laboratory is an argument).

Terms: Shi et al., "iFixFlakies: a framework for automatically fixing order-dependent flaky tests", FSE 2019.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    # Given several beginnings (each some tests, in order), tells for each whether something holds for the test in
    # question behind it: that it fails, or that it passes (where it has no turn, it does neither). Several at once, so
    # that a laboratory can try them side by side.
    HoldsBehind = Callable[[Sequence[tuple[str, ...]]], Sequence[bool]]

Thing = TypeVar("Thing")


def some_culprits(
    likely: Sequence[str], beginning: Sequence[str], holds_behind: HoldsBehind
) -> tuple[tuple[str, ...], ...]:
    """Find at least one set of tests that brings about what is asked, with few questions.

    They are the polluters of a victim, behind which it fails, or the state-setters of a brittle test, behind which it
    passes: those of the `likely` ones that are enough by themselves; where none is, a minimal set of `beginning`, what
    ran before the test in an order that brought it about. Where not even that does so again it comes only now and then,
    and nobody is accused.
    """
    alone = _singles(likely, holds_behind)
    if alone or not _one(holds_behind, tuple(beginning)):
        return alone
    return (minimal(beginning, holds_behind),)


def all_culprits(
    candidates: Sequence[str],
    beginning: Sequence[str],
    holds_behind: HoldsBehind,
    known: Sequence[tuple[str, ...]] = (),
) -> tuple[tuple[str, ...], ...]:
    """Find every test that by itself brings about what is asked; where there is none, a minimal set of them.

    What is `known` is not asked again.
    """
    asked = [test for test in candidates if (test,) not in known]
    found = frozenset(_singles(asked, holds_behind)).union(each for each in known if len(each) == 1)
    if found:
        return tuple((test,) for test in candidates if (test,) in found)
    return tuple(known) or some_culprits((), beginning, holds_behind)


def _singles(tests: Sequence[str], holds_behind: HoldsBehind) -> tuple[tuple[str, ...], ...]:
    sets = [(test,) for test in tests]
    return tuple(each for each, holds in zip(sets, holds_behind(sets), strict=True) if holds)


def cleaners(
    candidates: Sequence[str], sets: Sequence[tuple[str, ...]], passes_behind: HoldsBehind
) -> tuple[str, ...]:
    """Find the tests that make a victim pass when they run between its first set of polluters and itself."""
    guilty = frozenset(test for members in sets for test in members)
    innocent = [test for test in candidates if test not in guilty]
    behind = passes_behind([(*sets[0], test) for test in innocent])
    return tuple(test for test, passes in zip(innocent, behind, strict=True) if passes)


def minimal(
    things: Sequence[Thing], holds_for: Callable[[Sequence[tuple[Thing, ...]]], Sequence[bool]]
) -> tuple[Thing, ...]:
    """Reduce an order for which something holds until it needs every one of its tests; their order stays.

    Delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE Transactions on
    Software Engineering 28 (2), 2002): the subsets of a partition, then their complements, then a finer partition.
    O(n^2) questions at worst, O(log n) rounds where one test is to blame.
    """
    kept = tuple(things)
    parts = 2
    while len(kept) > 1:
        chunks = _partition(kept, parts)
        complements = [
            tuple(thing for other in chunks if other is not chunk for thing in other)
            for chunk in chunks
        ]
        # With two parts the complements are the chunks again.
        questions = [*chunks, *(complements if parts > 2 else [])]  # noqa: PLR2004
        found = next(
            (order for order, holds in zip(questions, holds_for(questions), strict=True) if holds),
            None,
        )
        if found is not None:
            parts = 2 if len(found) <= len(chunks[0]) else max(parts - 1, 2)
            kept = found
        elif parts >= len(kept):
            break
        else:
            parts = min(parts * 2, len(kept))
    return kept


def _partition(things: tuple[Thing, ...], parts: int) -> list[tuple[Thing, ...]]:
    """Cut into so many parts of nearly equal length, none empty."""
    bounds = [len(things) * part // parts for part in range(parts + 1)]
    return [things[start:stop] for start, stop in itertools.pairwise(bounds)]


def _one(holds_behind: HoldsBehind, beginning: tuple[str, ...]) -> bool:
    (answer,) = holds_behind([beginning])
    return answer
