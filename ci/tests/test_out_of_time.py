"""Searches that run out of time, in laboratories that make no run: what is given up at once, and what is said of it."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field

import pytest
from builders import PROJECT, declared, run, shuffled
from fake_lab import FakeForkLab

from shakeproof.casebook import Casebook
from shakeproof.lab.base import Target
from shakeproof.model import Experiment, Instability, Run, Status
from shakeproof.report.terminal import Terminal
from shakeproof.search.blame import Blame
from shakeproof.search.explore import Explorer
from shakeproof.search.pairs import SAME_PAIRS, try_pairs
from shakeproof.search.settle import settle
from shakeproof.search.work import Labs, Work

PASSED, FAILED = Status.PASSED, Status.FAILED
SUITE = ("a", "b", "c", "d", "e", "victim")
ENOUGH = 1e6  # seconds
SPENT, OVERDUE = -10.0, -1e6  # what is under way may end, or not even that


@dataclass
class Search:
    """A search in which the victim failed in one order of two, and fails behind any other test in a pair."""

    budget: float = ENOUGH
    left: float = ENOUGH  # the budget, as of the first run that is made
    jobs: int = 1
    asked: list[Experiment] = field(default_factory=list)
    work: Work = field(init=False)

    def __post_init__(self) -> None:
        lab = FakeForkLab(self._answer)
        others = dict.fromkeys(SUITE[:-1], PASSED)
        seen = run(shuffled(3), {"victim": FAILED, **others})
        book = Casebook(runs=[run(declared(), {**others, "victim": PASSED}), seen])
        labs = Labs(lab, lab, Target(PROJECT, sys.executable))
        self.work = Work(
            labs, SUITE, book, Terminal(quiet=True), jobs=self.jobs, budget=self.budget
        )

    def _answer(self, experiment: Experiment) -> Run:
        self.asked.append(experiment)
        self.work.budget = self.left
        tests = experiment.tests or SUITE
        outcomes = dict.fromkeys(tests, PASSED)
        if " then " in experiment.label and tests[-1] == "victim":
            outcomes["victim"] = FAILED
        return run(experiment, outcomes)

    @property
    def incomplete(self) -> list[str]:
        return self.work.book.incomplete


@pytest.mark.parametrize("runs", [0, 1])
def test_what_would_settle_a_kind_is_left_out_and_the_test_is_suspected_all_the_same(
    runs: int,
) -> None:
    """Whether time is up before the first of those runs, or after it."""
    search = Search(budget=SPENT if runs == 0 else ENOUGH, left=SPENT)

    settle(search.work)

    planned = 6  # alone three times, and the bad order three times
    assert len(search.asked) == runs
    assert search.incomplete == [f"{planned - runs} runs that would settle what differs"]
    assert [each.test for each in search.work.book.suspicions] == ["victim"]
    assert search.work.book.suspicions[0].kind is not Instability.BROKEN


def test_a_pair_that_ends_too_late_does_not_count() -> None:
    search = Search(left=OVERDUE)

    try_pairs(search.work, Blame(search.work))

    assert (len(search.asked), search.work.book.pairs) == (1, 0)
    assert search.incomplete == ["30 of 30 pairs of tests"]


def test_few_of_the_pairs_in_which_one_test_fails_are_run_again() -> None:
    """They would all show the same."""
    search = Search()
    search.work.book.runs.clear()

    try_pairs(search.work, Blame(search.work))

    made = Counter(each.label for each in search.asked)
    times = Counter(made[f"{other} then victim"] for other in SUITE[:-1])
    assert times == {1: 5 - SAME_PAIRS, 2: SAME_PAIRS}


def test_once_it_is_overdue_a_run_that_was_to_go_beside_another_is_not_made() -> None:
    search = Search(left=OVERDUE, jobs=2)

    Explorer(search.work, leaves_time=False).begin(repeat=4)

    assert len(search.asked) == 1
    assert search.incomplete == ["1 more run in the declared order"]
