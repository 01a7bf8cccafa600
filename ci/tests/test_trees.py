"""Which runs share a fork on the way to where they begin."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shakeproof.lab.trees import MOST_SHORT, bundled, is_short
from shakeproof.model import Experiment, Kind

TESTS = tuple("abcdef")


def experiment(number: int, hash_seed: int) -> Experiment:
    return Experiment(f"#{number}", Kind.ALONE, tests=(str(number),), hash_seed=hash_seed)


@given(st.lists(st.integers(0, 2), max_size=300), st.integers(1, 9))
def test_short_runs_are_dealt_out_over_the_jobs_each_once(hash_seeds: list[int], jobs: int) -> None:
    """Under one hash seed they are in as many trees as there are jobs, if there are so many of them."""
    short = [experiment(number, seed) for number, seed in enumerate(hash_seeds)]

    trees = bundled(short, jobs)

    run = [each for tree in trees for each in (tree.apart or (tree.experiment,))]
    assert sorted(each.label for each in run) == sorted(each.label for each in short)
    for seed in set(hash_seeds):
        own = [tree for tree in trees if tree.experiment.hash_seed == seed]
        assert len(own) >= min(jobs, hash_seeds.count(seed))
        assert all(len(tree.apart) <= MOST_SHORT for tree in own)
        assert all(each.hash_seed == seed for tree in own for each in tree.apart)


def test_a_short_run_by_itself_shares_nothing() -> None:
    (tree,) = bundled([experiment(1, 0)], 2)

    assert (tree.stem, tree.endings) == (("1",), ())


def test_a_whole_suite_is_not_short() -> None:
    assert not is_short(Experiment("all", Kind.DECLARED))
    assert not is_short(Experiment("many", Kind.REPLAY, tests=TESTS))
    assert is_short(Experiment("two", Kind.TWICE, tests=("a", "a")))
