"""What runs prove, and how far that goes."""

from __future__ import annotations

import itertools
import math

import pytest
from builders import declared, outcome, parallel, run, shuffled
from hypothesis import given
from hypothesis import strategies as st

from shakeproof.evidence import failure_rate_bound, order_pairs_seen, unseen, weigh
from shakeproof.model import Status

ORDERS = st.lists(st.lists(st.sampled_from("abcdef"), max_size=8), max_size=6)


@given(st.integers(min_value=1, max_value=10_000), st.floats(min_value=0.5, max_value=0.999))
def test_the_bound_is_the_rate_at_which_no_failure_is_just_surprising_enough(
    runs: int, confidence: float
) -> None:
    """With this failure rate, the binomial chance of no failure in all runs is what the confidence leaves over."""
    bound = failure_rate_bound(runs, confidence)

    assert math.comb(runs, 0) * bound**0 * (1 - bound) ** runs == pytest.approx(1 - confidence)


@given(st.integers(min_value=0, max_value=10_000))
def test_one_run_more_lowers_the_bound(runs: int) -> None:
    assert failure_rate_bound(runs + 1) < failure_rate_bound(runs) <= 1


@pytest.mark.parametrize(("runs", "bound"), [(0, 1.0), (1, 0.95), (10, 0.2589), (300, 3 / 300)])
def test_the_bound_is_what_tables_say(runs: int, bound: float) -> None:
    """1 without runs, the textbook's 25.9 % for 10, and the rule of three where there are many."""
    assert failure_rate_bound(runs) == pytest.approx(bound, rel=0.01)


@given(ORDERS)
def test_pairs_seen_are_those_that_somebody_counts_by_hand(orders: list[list[str]]) -> None:
    unique = [list(dict.fromkeys(order)) for order in orders]
    tests = {test for order in unique for test in order}
    seen = {pair for order in unique for pair in itertools.combinations(order, 2)}
    expected = len(seen) / (len(tests) * (len(tests) - 1)) if len(tests) > 1 else 1

    assert order_pairs_seen(orders) == pytest.approx(expected)


def test_an_order_and_its_reverse_show_every_pair() -> None:
    order = [f"test_{number}" for number in range(100)]

    assert order_pairs_seen([order]) == 0.5
    assert order_pairs_seen([order, order[::-1]]) == 1.0


@given(ORDERS, st.lists(st.sampled_from("abcdef"), unique=True))
def test_the_same_tests_in_one_order_more_never_show_fewer_pairs(
    orders: list[list[str]], more: list[str]
) -> None:
    whole = [sorted({test for order in orders for test in order}), *orders]
    known = [test for test in more if test in whole[0]]

    assert order_pairs_seen([*whole, known]) >= order_pairs_seen(whole)


@pytest.mark.parametrize(
    ("times_seen", "estimate"),
    [
        ({}, 0),
        ({"a": 3, "b": 4}, 0),
        ({"a": 1}, 0),
        ({"a": 1, "b": 1, "c": 1}, 2.4),
        ({"a": 1, "b": 1, "c": 1, "d": 1, "e": 2, "f": 2}, 1.6),
    ],
    ids=["nothing", "all seen often", "one seen once", "all seen once", "mixed"],
)
def test_the_unseen_are_guessed_from_those_seen_once_and_twice(
    times_seen: dict[str, int], estimate: float
) -> None:
    """Chao's estimate 4/5 f1 (f1 - 1) / (2 (f2 + 1)) for five shuffles, worked out by hand."""
    assert unseen(times_seen, 5) == pytest.approx(estimate)


def test_nothing_unseen_is_not_less_than_nothing() -> None:
    """A report that says -0.0 makes people wonder."""
    assert str(unseen({}, 5)) == "0.0"


def test_one_shuffle_says_nothing_about_a_second() -> None:
    """Everything is then seen once, which would promise ever more."""
    assert unseen({"a": 1, "b": 1, "c": 1}, 1) == 0


@given(st.dictionaries(st.text(max_size=3), st.integers(min_value=0, max_value=5)))
def test_the_unseen_are_never_fewer_than_none(times_seen: dict[str, int]) -> None:
    assert unseen(times_seen, 5) >= 0


def test_weighing_counts_the_turns_that_tests_had() -> None:
    runs = [
        run(declared(1), {"a": Status.PASSED, "b": Status.FAILED}),
        run(declared(2), {"a": Status.CRASHED, "b": Status.NOT_RUN}),
    ]

    weighed = weigh(runs, caught_by_shuffles={}, incomplete=("something",))

    assert weighed.test_runs == 3
    assert dict(weighed.experiments) == {"declared": 2}
    assert weighed.incomplete == ("something",)


def test_the_test_with_the_fewest_turns_sets_the_bound() -> None:
    runs = [
        run(declared(1), {"a": Status.PASSED, "b": Status.PASSED}),
        run(declared(2), {"a": Status.CRASHED, "b": Status.NOT_RUN}),
    ]

    weighed = weigh(runs, caught_by_shuffles={}, incomplete=())

    assert weighed.failure_rate_below == failure_rate_bound(1)


def test_nothing_is_claimed_for_a_test_that_never_had_its_turn() -> None:
    crash = {"a": Status.CRASHED, "b": Status.NOT_RUN}
    runs = [run(declared(number), crash) for number in range(10)]

    assert weigh(runs, caught_by_shuffles={}, incomplete=()).failure_rate_below == 1.0


def test_pairs_are_counted_in_serial_runs_only() -> None:
    """Tests on two workers run side by side: neither comes before the other."""
    one_order = {"a": Status.PASSED, "b": Status.PASSED}
    other_order = dict(reversed(one_order.items()))
    serial = [run(declared(), one_order)]

    spread = weigh([*serial, run(parallel(), other_order)], caught_by_shuffles={}, incomplete=())
    shuffle = weigh([*serial, run(shuffled(3), other_order)], caught_by_shuffles={}, incomplete=())

    assert (spread.order_pairs_seen, shuffle.order_pairs_seen) == (0.5, 1.0)


def test_a_skipped_test_had_its_turn() -> None:
    weighed = weigh(
        [run(declared(), {"a": outcome("a", Status.SKIPPED)})], caught_by_shuffles={}, incomplete=()
    )

    assert weighed.test_runs == 1
