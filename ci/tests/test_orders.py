"""Which runs are planned."""

from __future__ import annotations

from collections import Counter
from itertools import groupby, permutations

from hypothesis import given
from hypothesis import strategies as st

from shakeproof import orders
from shakeproof.model import Kind


@given(st.integers(min_value=0, max_value=50), st.integers(min_value=0, max_value=2**32 - 1))
def test_the_same_master_seed_gives_the_same_seeds(count: int, master: int) -> None:
    seeds = orders.shuffle_seeds(count, master)

    assert orders.shuffle_seeds(count, master) == seeds
    assert len(set(seeds)) == count


@given(st.integers(min_value=0, max_value=20), st.integers(min_value=0, max_value=2**32 - 1))
def test_asking_for_more_seeds_keeps_the_first_ones(count: int, master: int) -> None:
    """Somebody who saw a failure with 5 seeds sees it again with 6."""
    assert orders.shuffle_seeds(count + 1, master)[:count] == orders.shuffle_seeds(count, master)


def test_seeds_fit_every_program_that_takes_one() -> None:
    assert all(0 < seed < 2**32 for seed in orders.shuffle_seeds(500, 1))


@given(st.integers(0, 9), st.integers(1, 5))
def test_pairs_are_every_ordered_pair_once(count: int, most: int) -> None:
    tests = [f"test_{number}.py::test_it" for number in range(count)]

    planned = [
        (*(experiment.tests or ()), *ending)
        for experiment, endings in orders.stems(orders.pairs(tests), most)
        for ending in endings
    ]

    assert planned == list(permutations(tests, 2))


def test_culprits_come_first_then_their_neighbours_then_one_of_each_file_in_turn() -> None:
    tests = ["a::1", "a::2", "b::1", "b::2", "c::1", "c::2"]

    in_turn = orders.suspicious_first(tests, ["b::2"])

    assert in_turn == ("b::2", "b::1", "a::1", "c::1", "a::2", "c::2")


def test_another_master_seed_gives_other_seeds() -> None:
    assert set(orders.shuffle_seeds(20, 1)).isdisjoint(orders.shuffle_seeds(20, 2))


def test_the_plan_is_what_was_asked_for() -> None:
    plan = orders.comparison(repeat=10, seeds=(7, 8), parallel=True)

    assert Counter(experiment.kind for experiment in plan) == {
        Kind.DECLARED: 10,
        Kind.SHUFFLED: 2,
        Kind.PARALLEL: 1,
    }


def test_runs_in_the_declared_order_come_first() -> None:
    """What ten equal runs disagree on is settled before anything is shuffled."""
    kinds = [each.kind for each in orders.comparison(repeat=2, seeds=(7,), parallel=True)]

    assert kinds == [Kind.DECLARED, Kind.DECLARED, Kind.SHUFFLED, Kind.PARALLEL]


def test_no_two_runs_have_the_same_label() -> None:
    plan = orders.comparison(repeat=10, seeds=(7, 8), parallel=True)
    labels = [each.label for each in (*plan, *orders.alone("a.py::x", 3))]

    assert len(set(labels)) == len(labels)


def test_declared_runs_try_different_hash_seeds_and_return_to_each() -> None:
    """Chance is told from the hash seed only where two runs have the same one, and others do not."""
    plan = orders.comparison(repeat=10, seeds=(), parallel=False)
    times = Counter(experiment.hash_seed for experiment in plan)

    assert len(times) == len(orders.HASH_SEEDS)
    assert max(times.values()) > 1


def test_the_hash_seed_changes_only_where_the_order_does_not() -> None:
    plan = orders.comparison(repeat=0, seeds=(7, 8, 9), parallel=True)

    assert {each.hash_seed for each in plan} == {orders.HASH_SEEDS[0]}


def test_a_shuffle_lets_only_the_shuffler_work() -> None:
    (shuffle,) = orders.comparison(repeat=0, seeds=(7,), parallel=False)

    assert (shuffle.options, shuffle.plugins) == (
        ("--randomly-seed=7",),
        frozenset({"randomly"}),
    )


def test_a_parallel_run_lets_only_the_workers_work() -> None:
    (spread,) = orders.comparison(repeat=0, seeds=(), parallel=True)

    assert spread.plugins == frozenset({"xdist"})
    assert spread.options == ("-n", "auto", "--dist", "loadfile")


def test_runs_side_by_side_know_it_but_the_parallel_one_has_all_cores_to_itself() -> None:
    planned = orders.comparison(repeat=1, seeds=(7,), parallel=True, concurrent=True)

    assert [(each.kind, each.concurrent) for each in planned] == [
        (Kind.DECLARED, True),
        (Kind.SHUFFLED, True),
        (Kind.PARALLEL, False),
    ]


def test_a_test_alone_is_all_that_is_run() -> None:
    solos = orders.alone("a.py::x", 3)

    assert [each.tests for each in solos] == [("a.py::x",)] * 3
    assert {each.kind for each in solos} == {Kind.ALONE}


# Orders of the collected tests

IDS = st.builds(
    "{}.py::{}{}".format,
    st.sampled_from("abc"),
    st.sampled_from(["", "TestA::", "TestB::", "TestA::TestInner::"]),
    st.sampled_from(["x", "y", "z[1]", "z[a::b]", "z[[]"]),
)


@given(st.lists(IDS, unique=True), st.lists(st.integers(0, 99), unique=True, max_size=4))
def test_a_shuffle_loses_and_gains_no_test(tests: list[str], seeds: list[int]) -> None:
    for shuffle in orders.reordered(tests, seeds):
        assert shuffle.tests is not None
        assert sorted(shuffle.tests) == sorted(tests)


@given(st.lists(IDS, unique=True), st.integers(0, 99))
def test_every_other_shuffle_keeps_modules_and_classes_together(
    tests: list[str], seed: int
) -> None:
    _, together = orders.reordered(tests, (seed, seed + 1))
    assert together.tests is not None

    modules = [test.partition("::")[0] for test in together.tests]
    classes = [test.partition("[")[0].split("::")[:2] for test in together.tests]
    in_classes = [scope for scope in classes if scope[1].startswith("Test")]

    assert len(list(groupby(modules))) == len(set(modules))
    assert len(list(groupby(in_classes))) == len(set(map(tuple, in_classes)))


def test_one_seed_is_one_order_of_the_same_tests() -> None:
    tests = [f"a.py::{number}" for number in range(9)]

    fifth, sixth = ([*orders.reordered(tests, (seed,))] for seed in (5, 6))

    assert fifth == [*orders.reordered(tests, (5,))]
    assert fifth[0].tests != sixth[0].tests


def test_a_shuffle_is_drawn_when_it_is_asked_for() -> None:
    """A hundred orders of ten thousand tests take seconds to draw, and most are never run."""
    seeds = iter((5, 6, 7))

    next(orders.reordered(("a.py::a", "a.py::b"), seeds))

    assert next(seeds) == 6


def test_backwards_is_the_declared_order_from_its_end() -> None:
    assert orders.backwards(("a", "b", "c")).tests == ("c", "b", "a")


def test_twice_is_the_test_and_the_test_again() -> None:
    assert orders.twice("a").tests == ("a", "a")
