"""The search for what is done on import, in laboratories that make no run: what it asks, and what it leaves out."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import pytest
from builders import PROJECT, declared, run, suspicion
from fake_lab import FakeLab

from shakeproof.casebook import Casebook
from shakeproof.lab.base import Target
from shakeproof.model import Experiment, Instability, Leak, Run, Status
from shakeproof.report.terminal import Terminal
from shakeproof.search.imports import explain_imports, look_at_imports, watch_imports
from shakeproof.search.work import Labs, Work

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
