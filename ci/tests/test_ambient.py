"""Tests that mind the weather: who is asked, who is believed, and what shows it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import pytest
from builders import alone, declared, outcome, run, shuffled
from fake_lab import FakeLab

from shakeproof.casebook import Casebook
from shakeproof.investigate import ambient
from shakeproof.investigate.conditions import ZONES
from shakeproof.lab.base import Target
from shakeproof.lab.surroundings import Surroundings
from shakeproof.model import Experiment, Instability, Outcome, Run, Status, Suspicion
from shakeproof.report.terminal import Terminal
from shakeproof.search.ambient import try_conditions
from shakeproof.search.work import Labs, Work

PASSED, FAILED, NOT_RUN = Status.PASSED, Status.FAILED, Status.NOT_RUN
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
EVERYTHING = Surroundings(
    zones=ZONES, cpus=(0, 1), limited=True, descriptors=1024, time_machine=True
)
TEST, OTHER = "tests/test_a.py::test_it", "tests/test_b.py::test_other"
Answer: TypeAlias = Callable[[Experiment], Mapping[str, Status | Outcome]]


@pytest.fixture(autouse=True)
def _a_machine_that_has_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask no interpreter what it has: that takes longer than all the rest, and is tried in test_conditions.py."""

    def around(target: Target, *_: object) -> Surroundings:
        return EVERYTHING if target.python == sys.executable else Surroundings()

    monkeypatch.setattr("shakeproof.search.ambient.look_around", around)


def test_only_tests_that_always_passed_are_asked() -> None:
    runs = [
        run(declared(), {"steady": PASSED, "victim": PASSED, "skips": Status.SKIPPED}),
        run(shuffled(3), {"victim": FAILED, "steady": PASSED, "late": NOT_RUN}),
        run(alone("steady"), {"steady": PASSED}),
    ]

    assert ambient.steady(runs) == {"steady"}


def test_a_test_minds_what_it_fails_under_and_passes_without() -> None:
    changed = run(declared(), dict.fromkeys(("minds", "broken", "flaky", "not asked"), FAILED))
    usual = run(declared(), {"minds": PASSED, "broken": FAILED, "not asked": PASSED})

    assert ambient.minding({"minds", "broken", "flaky"}, changed, usual) == ("minds",)


@dataclass
class Weather:
    """A search in which each run shows what a function makes of it."""

    answer: Answer
    budget: float = 1000.0
    seconds: float = 1.0
    declared_seconds: float = 1.0  # of the run that was made before
    python: str = sys.executable
    set_aside: tuple[str, ...] = ()
    book: Casebook = field(default_factory=Casebook)
    asked: list[Experiment] = field(default_factory=list)

    def search(self, *wanted: str) -> dict[str, str]:
        """Search, and give what each test minds."""
        before = run(declared(), {TEST: PASSED, OTHER: PASSED})
        self.book.runs = [replace(before, seconds=self.declared_seconds)]
        lab = FakeLab(self._run)
        work = Work(
            Labs(lab, lab, Target(Path(), self.python)),
            (TEST, OTHER),
            self.book,
            Terminal(quiet=True),
            jobs=2,
            budget=self.budget,
            set_aside=self.set_aside,
        )
        try_conditions(work, wanted, {}, NOW)
        return {each.test: str(each.condition and each.condition.name) for each in self.found}

    @property
    def found(self) -> tuple[Suspicion, ...]:
        return self.book.ambient

    def _run(self, experiment: Experiment) -> Run:
        self.asked.append(experiment)
        shown = self.answer(experiment)
        chosen = {
            test: status
            for test, status in shown.items()
            if experiment.tests is None or test in experiment.tests
        }
        log = Path(__file__)  # something that can be read
        return replace(run(experiment, chosen), seconds=self.seconds, log=log)


def changes(experiment: Experiment, *names: str) -> bool:
    """Tell whether a run is under one of these conditions."""
    name = experiment.condition.name if experiment.condition else ""
    return any(each in name for each in names)


def under(*names: str, also: str = "") -> Answer:
    """Have the test fail whenever a run is under one of these conditions."""

    def answer(experiment: Experiment) -> Mapping[str, Status | Outcome]:
        bad = changes(experiment, *names) and also in experiment.label
        return {TEST: FAILED if bad else PASSED, OTHER: PASSED}

    return answer


def test_a_test_that_fails_whenever_one_thing_is_changed_is_found() -> None:
    weather = Weather(under("LC_ALL=C"))

    assert weather.search("locale", "network") == {TEST: "locale LC_ALL=C"}
    (found,) = weather.found
    assert (found.kind, found.failures) == (Instability.NON_DETERMINISTIC, 3)
    assert [(c.leak.category, c.leak.key, c.leak.after, c.proven) for c in found.causes] == [
        ("locale", "LC_ALL", "C", True)
    ]


@pytest.mark.parametrize(
    ("wanted", "name", "kind"),
    [
        ("timezone", "St_Johns", Instability.TIMEZONE),
        ("date", "leap day", Instability.CLOCK),
        ("network", "network", Instability.NON_DETERMINISTIC),
    ],
)
def test_the_kind_follows_what_was_changed(wanted: str, name: str, kind: Instability) -> None:
    weather = Weather(under(name))
    weather.search(wanted)

    assert [each.kind for each in weather.found] == [kind]


def test_one_finding_names_all_conditions_of_a_kind_that_a_test_minds() -> None:
    weather = Weather(under("time zone"))
    weather.search("timezone")

    (found,) = weather.found
    assert [cause.leak.after for cause in found.causes] == [
        "Pacific/Kiritimati",
        "America/St_Johns",
    ]


def test_a_test_that_fails_once_under_a_condition_is_not_blamed_on_it() -> None:
    """It may as well fail by chance; and it is said that nobody looked further."""
    times = Counter[str]()

    def once(experiment: Experiment) -> Mapping[str, Status | Outcome]:
        times[TEST] += changes(experiment, "LC_ALL=C")
        return {TEST: FAILED if times[TEST] == 1 else PASSED, OTHER: PASSED}

    weather = Weather(once)

    assert weather.search("locale") == {}
    assert weather.book.incomplete == [
        f"1 test that failed once under locale LC_ALL=C and not again, such as {TEST}"
    ]


def test_a_test_that_fails_also_in_the_second_control_is_not_blamed_on_the_weather() -> None:
    def worse_and_worse(experiment: Experiment) -> Mapping[str, Status | Outcome]:
        first = experiment.label == "as usual"
        return {TEST: PASSED if first else FAILED, OTHER: PASSED}

    assert Weather(worse_and_worse).search("locale") == {}


def test_a_test_that_needs_the_others_before_it_to_mind_is_shown_behind_them() -> None:
    def in_company(experiment: Experiment) -> Mapping[str, Status | Outcome]:
        company = experiment.tests is None and experiment.arguments is None
        bad = company and changes(experiment, "LC_ALL=C")
        return {OTHER: PASSED, TEST: FAILED if bad else PASSED}

    weather = Weather(in_company)

    assert weather.search("locale") == {TEST: "locale LC_ALL=C"}
    assert weather.found[0].example.order == (OTHER, TEST)


@pytest.mark.parametrize("control", ["same day", "no other programs"])
def test_a_test_that_cannot_do_with_a_false_clock_is_not_said_to_mind_the_date(
    control: str,
) -> None:
    """It fails at another time of the same date as well: files keep the true time, whatever Python is told.

    Or it works with another program: that keeps the true time too.
    """
    weather = Weather(under("date", control))

    assert weather.search("date") == {}
    assert weather.book.incomplete[0].startswith("other dates for 1 test that cannot do with")


def test_a_condition_under_which_nothing_runs_is_a_sentence() -> None:
    def nothing(experiment: Experiment) -> Mapping[str, Status | Outcome]:
        return {} if changes(experiment, "network") else {TEST: PASSED, OTHER: PASSED}

    weather = Weather(nothing)

    assert weather.search("network") == {}
    (sentence,) = weather.book.incomplete
    assert sentence.startswith("network off: pytest ran no test and said `")


def test_a_run_that_ends_early_says_how_many_tests_it_did_not_reach() -> None:
    def ends(experiment: Experiment) -> Mapping[str, Status | Outcome]:
        return {TEST: PASSED, OTHER: NOT_RUN if changes(experiment, "network") else PASSED}

    weather = Weather(ends)
    weather.search("network")

    assert weather.book.incomplete == [f"network off for 1 test: the run ended at {TEST}"]


def test_where_nothing_runs_even_as_usual_no_condition_is_tried() -> None:
    weather = Weather(lambda _: {})
    weather.search("network", "locale")

    assert len(weather.asked) == 1
    assert weather.book.incomplete[0].startswith("ambient conditions: without any change pytest")


def test_where_a_plain_run_takes_too_long_it_is_said_what_was_left_out() -> None:
    weather = Weather(under("network"), seconds=2000.0)
    weather.search("locale", "network")

    assert [each.label for each in weather.asked] == ["as usual"]
    assert weather.book.incomplete == [
        "ambient conditions locale LC_ALL=C, network off: too long for the budget"
    ]


def test_nothing_is_begun_when_the_budget_is_spent() -> None:
    weather = Weather(under("network"), budget=-1.0)
    weather.search("network")

    assert (weather.asked, weather.book.incomplete) == (
        [],
        ["ambient conditions: the budget was spent"],
    )


def test_who_wants_no_conditions_gets_none() -> None:
    weather = Weather(under("network"))
    weather.search()

    assert (weather.asked, weather.book.incomplete) == ([], [])


def test_tests_that_would_end_the_process_are_left_out() -> None:
    weather = Weather(under("network"), set_aside=(OTHER,))
    weather.search("network")

    assert {each.tests for each in weather.asked[:2]} == {(TEST,)}


def test_a_suite_that_takes_too_long_is_not_even_run_as_usual() -> None:
    weather = Weather(under("network"), declared_seconds=2000.0)
    weather.search("network")

    assert (weather.asked, weather.book.incomplete) == (
        [],
        ["ambient conditions network off: too long for the budget"],
    )


def test_what_the_interpreter_cannot_be_given_is_said_and_not_tried() -> None:
    weather = Weather(under("time zone"), python="no such interpreter")
    weather.search("timezone")

    (sentence,) = weather.book.incomplete
    assert (weather.asked, sentence.partition(",")[0]) == ([], "other time zones")


def test_a_test_that_takes_too_long_to_be_seen_twice_is_not_blamed_on_the_weather() -> None:
    def slowly(experiment: Experiment) -> Mapping[str, Status | Outcome]:
        status = FAILED if changes(experiment, "LC_ALL=C") else PASSED
        return {TEST: replace(outcome(TEST, status), seconds=500.0), OTHER: PASSED}

    weather = Weather(slowly)

    assert weather.search("locale") == {}
    assert weather.book.incomplete == ["another look at 1 test that failed under locale LC_ALL=C"]


def test_without_time_for_a_shorter_command_the_longer_one_shows_it() -> None:
    by_weather = under("LC_ALL=C")

    def until_it_was_seen_twice(experiment: Experiment) -> Mapping[str, Status | Outcome]:
        if len(weather.asked) == 4:  # as usual, changed; both again
            weather.book.begun -= 2 * weather.budget
        return by_weather(experiment)

    weather = Weather(until_it_was_seen_twice)

    assert weather.search("locale") == {TEST: "locale LC_ALL=C"}
    assert len(weather.asked) == 4
