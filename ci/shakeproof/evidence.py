"""What the runs are worth as evidence (pure)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from shakeproof.model import Evidence, Kind, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shakeproof.model import Run

CONFIDENCE = 0.95


def failure_rate_bound(runs: int, confidence: float = CONFIDENCE) -> float:
    """Bound the failure rate of a test that did not fail in `runs` independent runs, one-sided, at this confidence.

    The largest p with (1 - p)^n >= 1 - confidence, that is 1 - (1 - confidence)^(1/n): the exact binomial bound for
    zero events (Clopper and Pearson 1934; its approximation 3/n is the "rule of three" of Hanley and Lippman-Hand
    1983). 1 for no runs.
    """
    return 1.0 if runs == 0 else 1.0 - (1.0 - confidence) ** (1.0 / runs)


def order_pairs_seen(orders: Iterable[Sequence[str]]) -> float:
    """Give the share of ordered pairs (a somewhere before b) of the tests that occur in at least one of the orders.

    1 for fewer than two tests, since nothing is left to see.
    """
    sequences = [tuple(dict.fromkeys(order)) for order in orders]
    tests = {
        test: number for number, test in enumerate({test for order in sequences for test in order})
    }
    if len(tests) <= 1:
        return 1.0
    after = [0] * len(tests)  # by test: the set, as bits, of tests seen to run after it
    for order in sequences:
        later = 0
        for test in reversed(order):
            after[tests[test]] |= later
            later |= 1 << tests[test]
    return sum(bits.bit_count() for bits in after) / (len(tests) * (len(tests) - 1))


def unseen(times_seen: Mapping[str, int], shuffles: int) -> float:
    """Estimate how many unstable tests further shuffles would bring to light, from how often each was caught.

    The bias-corrected lower bound of Chao (1987) for m samples, built on Good and Turing's idea that the unseen
    resemble those seen once: (m - 1)/m * f1 (f1 - 1) / (2 (f2 + 1)), with f1 tests caught in exactly one shuffle and
    f2 in exactly two. One shuffle says nothing about a second: 0.
    """
    frequencies = Counter(times_seen.values())
    once, twice = frequencies[1], frequencies[2]
    return once * (once - 1) * (1 - 1 / max(shuffles, 1)) / (2 * (twice + 1))


def weigh(
    runs: Sequence[Run],
    *,
    caught_by_shuffles: Mapping[str, int],
    incomplete: tuple[str, ...],
    pairs: int = 0,
    besides: Sequence[Run] = (),
) -> Evidence:
    """Sum up what was run, for tests that agreed in all of it.

    `pairs` is how many ordered pairs were run as just these two tests. Only the odd ones among them are kept as runs,
    so they do not count for the bound of the failure rate. Neither do the runs made `besides`, under other conditions.
    """
    # From 0, so that nothing is claimed for a test that was collected and never had its turn.
    turns = Counter(dict.fromkeys((test for run in runs for test in run.collected), 0))
    turns.update(
        outcome.test
        for run in runs
        for outcome in run.outcomes
        if outcome.status is not Status.NOT_RUN
    )
    kinds = Counter(run.experiment.kind.value for run in (*runs, *besides))
    kept_pairs = kinds.pop(Kind.PAIR, 0)
    if pairs:
        kinds[Kind.PAIR] = pairs
    if copies := kinds.pop(Kind.CONCURRENT, 0):
        kinds[Kind.CONCURRENT] = copies // 2  # two copies make one experiment
    in_order = (Kind.DECLARED, Kind.SHUFFLED, Kind.REVERSED)
    whole = [run.order for run in runs if run.experiment.kind in in_order]
    possible = len(turns) * (len(turns) - 1)
    return Evidence(
        experiments=tuple(sorted(kinds.items())),
        test_runs=turns.total() + 2 * (pairs - kept_pairs) + sum(len(run.order) for run in besides),
        pairs_covered=pairs / possible if possible else 1.0,
        order_pairs_seen=order_pairs_seen(whole),
        failure_rate_below=failure_rate_bound(min(turns.values(), default=0)),
        confidence=CONFIDENCE,
        unseen_unstable=unseen(caught_by_shuffles, kinds[Kind.SHUFFLED]),
        incomplete=incomplete,
    )
