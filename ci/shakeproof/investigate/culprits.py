"""Who makes a victim fail, who saves it, and who makes a brittle test pass (pure: the laboratory is an argument).

Terms: Shi et al., "iFixFlakies: a framework for automatically fixing order-dependent flaky tests", FSE 2019.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    # Given several beginnings (each some tests, in order), tells for each whether something holds for the test in
    # question behind it: that it fails, or that it passes (where it has no turn, it does neither). Several at once, so
    # that a laboratory can try them side by side.
    HoldsBehind = Callable[[Sequence[tuple[str, ...]]], Sequence[bool]]


@dataclass(frozen=True, slots=True)
class Culprits:
    """Why a test depends on order."""

    sets: tuple[tuple[str, ...], ...]  # each by itself is enough; smallest first
    cleaners: tuple[str, ...] = ()  # between polluter and victim, each makes the victim pass


def of_victim(
    candidates: Sequence[str],
    beginning: Sequence[str],
    fails_behind: HoldsBehind,
    passes_behind: HoldsBehind | None,
) -> Culprits:
    """Find all single polluters of a victim; where there is none, a minimal set out of a failing beginning.

    `beginning` is what ran before the victim in an order in which it failed. Where not even that fails again the victim
    fails only now and then, and nobody is accused. Cleaners are looked for behind the first set with `passes_behind`,
    or not at all: where the victim fails only now and then, every test that came before a pass would look like one.
    """
    singly = fails_behind([(test,) for test in candidates])
    sets: tuple[tuple[str, ...], ...] = tuple(
        (test,) for test, fails in zip(candidates, singly, strict=True) if fails
    )
    if not sets:
        if not _one(fails_behind, tuple(beginning)):
            return Culprits(())
        sets = (minimal(beginning, fails_behind),)
    if passes_behind is None:
        return Culprits(sets)
    guilty = frozenset(test for members in sets for test in members)
    innocent = [test for test in candidates if test not in guilty]
    behind = passes_behind([(*sets[0], test) for test in innocent])
    helpers = (test for test, passes in zip(innocent, behind, strict=True) if passes)
    return Culprits(sets, tuple(helpers))


def of_brittle(
    candidates: Sequence[str], beginning: Sequence[str], passes_behind: HoldsBehind
) -> Culprits:
    """Find all single state-setters of a brittle test; where there is none, a minimal set that lets it pass."""
    singly = passes_behind([(test,) for test in candidates])
    sets: tuple[tuple[str, ...], ...] = tuple(
        (test,) for test, passes in zip(candidates, singly, strict=True) if passes
    )
    if not sets and _one(passes_behind, tuple(beginning)):
        sets = (minimal(beginning, passes_behind),)
    return Culprits(sets)


def minimal(tests: Sequence[str], holds_for: HoldsBehind) -> tuple[str, ...]:
    """Reduce an order for which something holds until it needs every one of its tests; their order stays.

    Delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE Transactions on
    Software Engineering 28 (2), 2002): the subsets of a partition, then their complements, then a finer partition.
    O(n^2) questions at worst, O(log n) rounds where one test is to blame.
    """
    kept = tuple(tests)
    parts = 2
    while len(kept) > 1:
        chunks = _partition(kept, parts)
        complements = [
            tuple(test for other in chunks if other is not chunk for test in other)
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


def _partition(tests: tuple[str, ...], parts: int) -> list[tuple[str, ...]]:
    """Cut into so many parts of nearly equal length, none empty."""
    bounds = [len(tests) * part // parts for part in range(parts + 1)]
    return [tests[start:stop] for start, stop in itertools.pairwise(bounds)]


def _one(holds_behind: HoldsBehind, beginning: tuple[str, ...]) -> bool:
    (answer,) = holds_behind([beginning])
    return answer
