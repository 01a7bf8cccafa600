"""Who is blamed for a test that crashes or hangs behind others, asked of laboratories that make no run."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from builders import PROJECT, alone, declared, outcome, run, suspicion
from fake_lab import FakeLab

from shakeproof.casebook import Casebook
from shakeproof.lab.base import Target
from shakeproof.model import Experiment, Instability, Run, Status
from shakeproof.report.terminal import Terminal
from shakeproof.search.blame import Blame
from shakeproof.search.work import Labs, Work

if TYPE_CHECKING:
    from collections.abc import Callable

FEW = ("a", "polluter", "b", "victim", "c")
MANY = (*(f"test_{number}" for number in range(60)), *FEW)


def answering(turns_out: Callable[[tuple[str, ...]], Status]) -> tuple[FakeLab, list[Experiment]]:
    """Make a laboratory in which the victim does what a function makes of the tests before it, and its diary."""
    asked: list[Experiment] = []

    def answer(experiment: Experiment) -> Run:
        asked.append(experiment)
        tests = experiment.tests or ()
        found = {test: outcome(test, Status.PASSED) for test in tests}
        found["victim"] = outcome("victim", turns_out(tests[: tests.index("victim")]))
        return run(experiment, found)

    return FakeLab(answer), asked


def work(
    lab: FakeLab,
    tests: tuple[str, ...],
    status: Status,
    *,
    by_itself: Status = Status.PASSED,
    budget: float = 1e6,
) -> Work:
    """Begin a search in which the victim came to this end in the declared order, and to another one by itself."""
    ran = dict.fromkeys(tests[: tests.index("victim")], Status.PASSED)
    book = Casebook(
        runs=[
            run(declared(), {**ran, "victim": status}, collected=tests),
            run(alone("victim"), {"victim": by_itself}),
        ]
    )
    labs = Labs(lab, lab, Target(PROJECT, sys.executable))
    book.suspicions = book.judge()
    made = Work(labs, tests, book, Terminal(quiet=True), jobs=2, budget=budget)
    made.set_aside = ("victim",)
    return made


@pytest.mark.parametrize("tests", [FEW, MANY], ids=["few", "many"])
@pytest.mark.parametrize(
    ("status", "kind"), [(Status.HUNG, Instability.HANG), (Status.CRASHED, Instability.CRASH)]
)
def test_who_makes_a_test_crash_or_hang_is_named(
    status: Status, kind: Instability, tests: tuple[str, ...]
) -> None:
    lab, asked = answering(lambda before: status if "polluter" in before else Status.PASSED)
    search = work(lab, tests, status)
    blame = Blame(search)

    blame.name_some()
    soon = len(asked)
    blame.name_all()

    (found,) = search.book.suspicions
    assert (found.kind, found.culprits) == (kind, (("polluter",),))
    assert soon < 30  # by halving where there are many: each that hangs takes the whole timeout


def test_a_hang_that_does_not_come_again_is_put_down_to_nobody() -> None:
    """It was chance: to ask all others would find whoever happened to be before the next one."""
    lab, asked = answering(lambda _: Status.PASSED)
    search = work(lab, FEW, Status.HUNG)
    blame = Blame(search)

    blame.name_some()
    blame.name_all()

    (found,) = search.book.suspicions
    assert (found.kind, found.culprits) == (Instability.HANG, ())
    assert [each.tests for each in asked] == [(*FEW[:3], "victim"), ("victim",)] * 2


def test_a_test_that_hangs_alone_is_nobody_else_s_fault() -> None:
    lab, asked = answering(lambda _: Status.HUNG)
    search = work(lab, FEW, Status.HUNG, by_itself=Status.HUNG)

    Blame(search).name_some()

    assert (search.book.suspicions[0].culprits, asked) == ((), [])


def test_no_culprit_is_looked_for_once_the_budget_is_spent() -> None:
    lab, asked = answering(lambda _: Status.HUNG)
    search = work(lab, FEW, Status.HUNG, budget=-1.0)

    Blame(search).name_some()

    assert asked == []
    assert search.book.incomplete == ["the culprits of 1 test"]


@pytest.mark.parametrize(
    ("tests", "runs"),
    [(FEW, 5), (MANY, 1)],  # behind each of the others, and behind all that came before it
    ids=["few", "many"],
)
def test_without_time_to_tell_who_it_is_nobody_is_accused(
    tests: tuple[str, ...], runs: int
) -> None:
    """All that came before it are not to blame for a victim."""

    def behind_two(before: tuple[str, ...]) -> Status:
        if len(asked) == runs:
            search.budget = -1.0
        return Status.FAILED if {"a", "polluter"} <= {*before} else Status.PASSED

    lab, asked = answering(behind_two)
    search = work(lab, tests, Status.FAILED)

    Blame(search).name_some()

    (found,) = search.book.suspicions
    assert (found.kind, found.culprits, len(asked)) == (Instability.VICTIM, (), runs)
    assert search.book.incomplete == ["some of the search for the culprits of victim"]


def test_once_it_is_overdue_not_even_what_is_under_way_is_waited_for() -> None:
    """A test that hangs takes its whole time in each of the runs."""

    def never_again(_: tuple[str, ...]) -> Status:
        search.budget = -1e6
        return Status.FAILED

    lab, asked = answering(never_again)
    search = work(lab, FEW, Status.FAILED)

    Blame(search).name_some()

    assert len(asked) == 1
    assert search.book.suspicions[0].culprits == ()


@pytest.mark.parametrize(
    ("guilty", "kind", "culprits"),
    [
        (True, Instability.VICTIM, (("polluter",),)),
        (False, Instability.NON_DETERMINISTIC, ()),
    ],
)
def test_who_fails_as_often_without_anybody_fails_by_chance(
    *, guilty: bool, kind: Instability, culprits: tuple[tuple[str, ...], ...]
) -> None:
    """Behind each test it fails every third time; or only behind one, which is then to blame."""
    turns = itertools.count()

    def now_and_then(before: tuple[str, ...]) -> Status:
        able = "polluter" in before or not guilty
        return Status.FAILED if able and next(turns) % 3 == 0 else Status.PASSED

    lab, _ = answering(now_and_then)
    search = work(lab, FEW, Status.FAILED)
    seen, _ = search.book.runs
    # In so many runs it passed with nothing before it: where it fails by chance, that was luck.
    intermittent = suspicion("victim", Instability.VICTIM, seen)
    passed_first = 30 if guilty else 3
    search.book.suspicions = (replace(intermittent, rate=1 / 3, passed_first=passed_first),)

    Blame(search).name_some()

    accused = search.book.accused["victim", ""]
    assert (accused.kind, accused.culprits) == (kind, culprits)
