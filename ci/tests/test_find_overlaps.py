"""The search for the tests that must overlap, in a laboratory that makes no run."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from builders import PROJECT, declared, run

from shakeproof.casebook import Casebook
from shakeproof.lab.base import Target
from shakeproof.model import Experiment, Instability, Outcome, Status, Touch
from shakeproof.report.terminal import Terminal
from shakeproof.search.overlaps import find_overlaps
from shakeproof.search.work import Labs, Work

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shakeproof.model import Run, Suspicion

TEST, OTHER, BYSTANDER = "test_it.py::test_it", "test_it.py::test_other", "test_it.py::test_b"
SUITE = (TEST, OTHER, BYSTANDER)
TEMPORARY = tuple(Touch(by, "filesystem", "TMPDIR/x", "writes") for by in (TEST, OTHER))
PORT = tuple(Touch(by, "network", "127.0.0.1:8080", "binds") for by in (TEST, OTHER))


@dataclass
class MeetingLab:
    """A laboratory in which the test fails beside another: where both have one temporary folder, or anyway."""

    used: tuple[Touch, ...]
    enemy: str = OTHER
    only_temporary: bool = False
    oftener: bool = False  # whether they only meet where they run several times
    tires: bool = False  # whether the test fails by itself where it runs several times
    runs: int | None = None  # after which there is no time left
    work: Work | None = None  # that is told so
    made: list[Experiment] = field(default_factory=list)

    def at_once(self, _jobs: int) -> MeetingLab:
        return self

    def run(self, experiments: Sequence[Experiment]) -> Iterator[Run]:
        for number, each in enumerate(experiments):
            self.made.append(each)
            if self.work and self.runs and len(self.made) >= self.runs:
                self.work.budget = -1e6
            others = [
                test
                for place, other in enumerate(experiments)
                if place != number and other.concurrent
                for test in other.tests or ()
            ]
            tests = each.tests or SUITE
            meets = self.enemy in others and TEST in tests
            meets = meets and (each.shares_temporary or not self.only_temporary)
            meets = meets and (len(tests) > 1 or not self.oftener)
            tired = self.tires and tests[:2] == (TEST, TEST)
            bad = {TEST: Status.FAILED} if meets or tired else {}
            seen = run(each, dict.fromkeys(tests, Status.PASSED) | bad)
            yield replace(seen, touched=self.used if each.touches else ())


def searched(
    lab: MeetingLab, *, budget: float = 1e6, seconds: Mapping[str, float] | None = None
) -> tuple[Suspicion, Casebook]:
    """Look for the overlap of a test that failed in two copies of the suite."""
    copies = [replace(declared(number), concurrent=True) for number in (1, 2)]
    passed = {
        test: Outcome(test, Status.PASSED, seconds=(seconds or {}).get(test, 0.0)) for test in SUITE
    }
    book = Casebook(
        runs=[
            *(
                run(each, dict.fromkeys(SUITE, Status.PASSED) | {TEST: Status.FAILED})
                for each in copies
            ),
            *(run(declared(number), passed) for number in range(3, 20)),
        ]
    )
    book.suspicions = book.judge()
    assert [each.kind for each in book.suspicions] == [Instability.PARALLEL_UNSAFE]
    labs = Labs(lab, lab, Target(PROJECT, sys.executable))
    lab.work = Work(labs, SUITE, book, Terminal(quiet=True), jobs=2, budget=budget)
    find_overlaps(lab.work)
    (found,) = book.suspicions
    return found, book


def test_the_test_that_must_overlap_is_named_and_what_both_use() -> None:
    found, book = searched(MeetingLab(PORT))

    assert found.culprits == ((TEST, OTHER),)
    assert [(each.leak.by, each.leak.key, each.proven) for each in found.causes] == [
        (OTHER, "127.0.0.1:8080", False)
    ]
    assert found.turns[0] == (1, 1)
    assert book.incomplete == []


def test_a_test_may_get_into_its_own_way() -> None:
    assert searched(MeetingLab(PORT, enemy=TEST))[0].culprits == ((TEST, TEST),)


@pytest.mark.parametrize("only_temporary", [True, False])
def test_a_temporary_file_is_proven_by_a_folder_for_each(*, only_temporary: bool) -> None:
    """If they fail all the same, it is something that was not seen."""
    found, _ = searched(MeetingLab(TEMPORARY, only_temporary=only_temporary))

    assert [(each.leak.key, each.proven) for each in found.causes] == [("TMPDIR/x", only_temporary)]


def test_of_two_things_that_both_use_only_the_proven_one_is_the_cause() -> None:
    found, _ = searched(MeetingLab((*TEMPORARY, *PORT), only_temporary=True))

    assert [(each.leak.key, each.proven) for each in found.causes] == [("TMPDIR/x", True)]


def test_tests_that_hardly_meet_are_repeated() -> None:
    found, _ = searched(MeetingLab(PORT, oftener=True))

    assert found.culprits == ((TEST, OTHER),)
    assert min(found.turns[-1]) > 1


def test_who_takes_longer_is_repeated_less_often() -> None:
    """As long as it takes when it passes: where it failed, it ended early."""
    found, _ = searched(MeetingLab(PORT, oftener=True), seconds={TEST: 0.25, OTHER: 0.05})

    assert found.turns[-1] == (4, 20)


def test_a_test_with_which_nothing_is_shared_is_tried_where_nobody_else_is_to_blame() -> None:
    """That a file is there can be asked unheard."""
    unheard = (Touch(OTHER, "filesystem", "x", "writes"),)

    assert searched(MeetingLab(unheard))[0].culprits == ((TEST, OTHER),)


def test_where_no_two_tests_are_enough_it_is_said_what_both_use() -> None:
    found, book = searched(MeetingLab(PORT, enemy="nobody"))

    assert found.culprits == ()
    assert [(each.leak.by, each.leak.key, each.proven) for each in found.causes] == [
        (OTHER, "127.0.0.1:8080", False)
    ]
    assert book.incomplete == [
        f"what {TEST} must overlap with to fail: no two tests that were tried are enough"
    ]


def test_without_time_nothing_is_run_and_that_is_said() -> None:
    lab = MeetingLab(PORT)

    found, book = searched(lab, budget=-1)

    assert (found.culprits, lab.made) == ((), [])
    assert book.incomplete == ["what 1 test must overlap with to fail"]


def test_when_time_runs_out_before_it_is_known_what_tests_use_nothing_is_tried() -> None:
    lab = MeetingLab(PORT, runs=1)

    found, book = searched(lab)

    assert (found.culprits, len(lab.made)) == ((), 1)
    assert book.incomplete == ["what 1 test must overlap with to fail"]


def test_when_time_runs_out_who_was_found_is_named_and_that_others_were_not_asked() -> None:
    lab = MeetingLab(PORT, enemy=TEST, runs=3)

    found, book = searched(lab)

    assert found.culprits == ((TEST, TEST),)
    assert not any(OTHER in (each.tests or ()) for each in lab.made)
    assert book.incomplete == [f"some of the search for what {TEST} overlaps with"]


def test_whoever_shares_nothing_is_not_asked_once_a_sharer_is_to_blame() -> None:
    lab = MeetingLab((*PORT, Touch(BYSTANDER, "filesystem", "x", "writes")))

    found, book = searched(lab)

    assert (found.culprits, book.incomplete) == (((TEST, OTHER),), [])
    assert not any(BYSTANDER in (each.tests or ()) for each in lab.made)


@pytest.mark.parametrize(
    ("enemy", "not_asked"),
    [
        (OTHER, 12),  # who shares nothing is not worth asking
        ("nobody", 13),
    ],
)
def test_of_many_that_may_be_to_blame_it_is_said_how_many_were_not_asked(
    enemy: str, not_asked: int
) -> None:
    crowd = tuple(replace(PORT[0], by=f"test_it.py::test_{number}") for number in range(20))
    stranger = Touch(BYSTANDER, "filesystem", "x", "writes")

    _, book = searched(MeetingLab((*PORT, *crowd, stranger), enemy=enemy))

    assert book.incomplete[0] == f"whether {TEST} fails beside {not_asked} more tests"


def test_a_test_that_fails_by_itself_when_repeated_needs_nobody() -> None:
    """Repeated beside another it fails too, and nothing is proven by that."""
    found, book = searched(MeetingLab(PORT, enemy="nobody", tires=True))

    assert found.culprits == ()
    assert book.incomplete == [
        f"what {TEST} must overlap with to fail: no two tests that were tried are enough"
    ]
