"""The search for what is done on import, in laboratories that make no run: what it asks, and what it leaves out."""

from __future__ import annotations

import io
import math
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from builders import PROJECT, declared, run, suspicion
from fake_lab import FakeLab

from shakeproof.casebook import Casebook
from shakeproof.lab.base import Target
from shakeproof.model import Experiment, Instability, Leak, Run, Status
from shakeproof.report.terminal import Terminal
from shakeproof.search.imports import explain_imports, look_at_imports, watch_imports
from shakeproof.search.work import Labs, Work

if TYPE_CHECKING:
    from collections.abc import Callable

VICTIM, CULPRIT = "test_a.py::test_it", "test_b.py"
MODE = Leak(CULPRIT, "environment", "MODE", None, "'fast'", "environment")
COLOUR = replace(MODE, key="COLOUR")


def suite(experiment: Experiment) -> Run:
    """Fail where the culprit is collected, unless what it does on import is put back."""
    files = VICTIM.partition("::")[0], *(experiment.arguments or (CULPRIT,))
    there = tuple(f"{file}::test_it" for file in dict.fromkeys(files))
    look = experiment.imports
    put_back = look is not None and (CULPRIT, *MODE.piece) in look.put_back
    failed = CULPRIT in files and not put_back
    outcomes = {VICTIM: Status.FAILED if failed else Status.PASSED}
    left = (COLOUR, MODE) if look and CULPRIT in files else ()
    return replace(run(experiment, outcomes, collected=there), left=left)


def work(*, budget: float = math.inf) -> Work:
    """Begin a search that has seen the victim fail in one run."""
    seen = suite(declared())
    book = Casebook(runs=[seen], suspicions=(suspicion(VICTIM, Instability.BROKEN, seen),))
    lab = FakeLab(suite)
    return Work(
        Labs(lab, lab, Target(PROJECT, sys.executable)),
        (VICTIM,),
        book,
        Terminal(quiet=True),
        jobs=1,
        budget=budget,
    )


def test_the_file_and_what_it_does_are_found_one_after_the_other() -> None:
    search = work()

    look_at_imports(search)
    explain_imports(search)

    accused = search.book.accused[VICTIM, ""]
    (cause,) = search.book.explained[VICTIM, "", (CULPRIT,)]
    assert (accused.kind, accused.culprits) == (Instability.IMPORT_POLLUTED, ((CULPRIT,),))
    assert (cause.leak, cause.proven) == (MODE, True)


def test_what_was_explained_is_not_asked_again() -> None:
    search = work()
    look_at_imports(search)
    explain_imports(search)
    search.labs = Labs(FakeLab(_never), FakeLab(_never), search.labs.target)

    explain_imports(search)

    assert search.book.explained


def _never(experiment: Experiment) -> Run:
    raise AssertionError(experiment.label)


def test_what_files_leave_is_added_to_what_tests_leave() -> None:
    search = work()
    by_a_test = replace(MODE, by=VICTIM)
    search.book.leaks += (by_a_test,)

    watch_imports(search)

    assert list(search.book.leaks) == [by_a_test, COLOUR, MODE]


@pytest.mark.parametrize(
    ("budget", "incomplete"),
    [
        (-1.0, "what files leave behind by being imported"),
        (39.0, "what files leave behind by being imported: collecting once takes 2 s"),
    ],
)
def test_a_suite_is_not_collected_again_where_there_is_no_time_for_that(
    budget: float, incomplete: str
) -> None:
    search = work(budget=budget)
    search.book.collecting = 2.0

    watch_imports(search)

    assert search.book.incomplete == [incomplete]
    assert search.book.leaks == ()


def test_what_the_budget_does_not_reach_is_said() -> None:
    search = work()
    look_at_imports(search)
    search.budget = -1.0

    explain_imports(search)

    assert search.book.explained == {}
    assert search.book.incomplete == ["what is done on import by 1 file and makes tests fail"]


def answering(search: Work, answer: Callable[[Experiment], Run]) -> list[Experiment]:
    """Have the laboratories of a search tell what a function makes of each experiment, and keep a diary."""
    asked: list[Experiment] = []

    def noted(experiment: Experiment) -> Run:
        asked.append(experiment)
        return answer(experiment)

    search.labs = Labs(FakeLab(noted), FakeLab(noted), search.labs.target)
    return asked


def out_of_time_after(runs: int, search: Work) -> list[Experiment]:
    """Let the budget be spent while the last of so many runs is made."""

    def answer(experiment: Experiment) -> Run:
        if len(asked) == runs:
            search.budget = -1.0
        return suite(experiment)

    asked = answering(search, answer)
    return asked


def test_a_collection_that_comes_to_nothing_is_no_word_about_the_files() -> None:
    search = work()
    answering(search, lambda each: replace(suite(each), collected=()))

    watch_imports(search)

    assert search.book.incomplete == ["what files leave behind by being imported"]
    assert search.book.leaks == ()


def test_what_could_not_be_looked_at_is_said_once_however_many_runs_say_so() -> None:
    search = work()
    said = io.StringIO()
    search.terminal = Terminal(out=said)
    answering(search, lambda each: replace(suite(each), notes=("app.py cannot be read",)))

    watch_imports(search)
    watch_imports(search)

    assert said.getvalue().count("note: app.py cannot be read") == 1
    assert search.book.incomplete == ["a look at all of the state: app.py cannot be read"]


def test_a_test_that_fails_by_itself_as_well_is_no_other_file_s_fault() -> None:
    search = work()
    answering(search, lambda each: run(each, {VICTIM: Status.FAILED}))

    look_at_imports(search)

    assert search.book.accused == {}
    assert [each.kind for each in search.book.suspicions] == [Instability.BROKEN]


@pytest.mark.parametrize(
    ("failing", "budget", "runs", "left"),
    [(1, -1.0, 0, "1 failing test"), (22, math.inf, 40, "2 failing tests")],
)
def test_of_tests_that_always_fail_no_more_are_looked_at_than_there_is_time_for(
    failing: int, budget: float, runs: int, left: str
) -> None:
    """Each takes two fresh processes, and a suite may fail as a whole."""
    search = work(budget=budget)
    tests = [f"test_a.py::test_{number}" for number in range(failing)]
    seen = run(declared(), dict.fromkeys((*tests, f"{CULPRIT}::test_it"), Status.FAILED))
    search.book.suspicions = tuple(suspicion(each, Instability.BROKEN, seen) for each in tests)
    asked = answering(search, lambda each: run(each, dict.fromkeys(tests, Status.FAILED)))

    look_at_imports(search)

    assert len(asked) == runs
    assert search.book.incomplete == [f"collecting the file of {left} without the others"]


def test_nobody_is_accused_when_time_runs_out_between_the_two_looks() -> None:
    """That it passes without the others is only half of it."""
    search = work()
    asked = out_of_time_after(1, search)

    look_at_imports(search)

    assert (len(asked), search.book.accused) == (1, {})
    assert search.book.incomplete == [f"some of the search for the file that makes {VICTIM} fail"]


def test_what_was_not_put_back_in_time_is_not_proven() -> None:
    search = work()
    look_at_imports(search)
    out_of_time_after(2, search)  # nothing is put back, then one piece of two

    explain_imports(search)

    assert search.book.incomplete == [f"some of the search for what makes {VICTIM} fail"]
    assert [each.proven for each in search.book.explained[VICTIM, "", (CULPRIT,)]] == [False] * 2
