"""What an investigation has gathered, and the report that is made of it at any time."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from builders import declared, finding, run, shuffled, suspicion
from fake_lab import FakeLab

from shakeproof.casebook import Casebook, Setting
from shakeproof.confirming import confirm_all
from shakeproof.errors import ShakeproofError
from shakeproof.lab.base import Target
from shakeproof.model import (
    Cause,
    Experiment,
    Finding,
    Instability,
    Leak,
    Report,
    Run,
    Status,
    Suspicion,
    Verdict,
)
from shakeproof.report.from_json import read_report
from shakeproof.report.terminal import Terminal
from shakeproof.reporting import conclude, keep

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

PASSED, FAILED = Status.PASSED, Status.FAILED


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    """Set up an investigation whose report goes to a folder of its own."""
    made = Setting(Target(tmp_path, sys.executable), jobs=1, master_seed=1, out=tmp_path / "out")
    made.prepare()
    return made


class CtrlC(list[Run]):
    """Runs that somebody does not wait to see reported."""

    def __iter__(self) -> NoReturn:
        raise KeyboardInterrupt


def test_runs_are_judged_once_and_again_when_there_are_more() -> None:
    """At ten thousand tests a judgement takes seconds, and both a stage and its report want one."""
    book = Casebook(runs=[run(declared(), {"a": PASSED, "b": FAILED})])

    first, again = book.judge(), book.judge()
    book.runs.append(run(shuffled(3), {"b": PASSED, "a": FAILED}))

    assert again is first
    assert [each.test for each in book.judge()] == ["a", "b"]


@pytest.mark.parametrize(
    ("now", "recalled"),
    [
        ({"rate": 0.4}, Instability.NON_DETERMINISTIC),
        ({"rate": 1.0}, None),
        ({"rate": 0.4, "example": run(shuffled(9), {"other": PASSED, "a": FAILED})}, None),
        ({"kind": Instability.BRITTLE}, None),
        ({"kind": Instability.NON_DETERMINISTIC}, Instability.NON_DETERMINISTIC),
    ],
    ids=["as before", "each time", "behind others", "another kind", "the same"],
)
def test_chance_is_the_answer_until_later_runs_show_that_it_is_order(
    now: dict[str, Any], recalled: Instability | None
) -> None:
    """What no culprit was found for may be seen to fail each time behind somebody who was not asked."""
    example = run(shuffled(3), {"b": PASSED, "a": FAILED})
    victim = replace(suspicion("a", Instability.VICTIM, example), rate=0.4)
    book = Casebook()
    book.accuse(replace(victim, kind=Instability.NON_DETERMINISTIC))

    found = book.recalled(replace(victim, **now))

    assert (found and found.kind) is recalled


def test_who_interrupts_the_last_report_is_told_of_the_one_before(setting: Setting) -> None:
    """It is not true then that no run had ended: the report of the last stage is there, and says how far it goes."""
    kept = Casebook(runs=[run(declared(), {"a": PASSED})])
    keep(setting, kept)
    written = read_report(setting.out)

    with pytest.raises(ShakeproofError, match="the last complete one is in") as told:
        conclude(setting, Casebook(runs=CtrlC(kept.runs)))

    assert told.value.exit_status == 130
    assert read_report(setting.out) == written


def test_who_interrupts_the_only_report_is_told_that_there_is_none(setting: Setting) -> None:
    with pytest.raises(ShakeproofError, match="there is none in"):
        conclude(setting, Casebook(runs=CtrlC([run(declared(), {"a": PASSED})])))


def test_a_secret_in_the_name_of_a_piece_of_state_is_not_written(setting: Setting) -> None:
    key = "app.POOLS['postgres://bob:hunter2@db/rides']"
    left = Leak("test_a.py::test_it", "global", key, None, "1")
    cause = Cause(left, proven=False, together=(key,))
    found = replace(finding(), causes=(cause,))
    book = Casebook(runs=[run(declared(), {"a": PASSED})], findings=[found], leaks=(left,))

    conclude(setting, book)

    written = [file.read_text(encoding="utf-8") for file in setting.out.glob("*.*")]
    assert any("bob" in text for text in written)
    assert not any("hunter2" in text for text in written)


def orders(setting: Setting) -> list[str]:
    """List the files that commands read their order from."""
    return sorted(file.name for file in (setting.out / "orders").glob("*"))


def long_way_to_a_failure() -> list[Run]:
    """Make runs that show a victim behind more tests than a command line should name."""
    before = {f"test_a.py::test_{number}": PASSED for number in range(20)}
    victim = "test_a.py::test_victim"
    return [
        run(declared(), {victim: PASSED, **before}),
        run(shuffled(3), {**before, victim: FAILED}),
    ]


def test_a_suspicion_that_vanishes_takes_its_order_with_it(setting: Setting) -> None:
    """Stages report what they suspect, and later ones may know better."""
    book = Casebook(runs=long_way_to_a_failure())
    keep(setting, book)
    suspected = orders(setting)

    conclude(setting, book)  # nothing was confirmed, nor is anything suspected any more

    assert (suspected, orders(setting)) == (["F1.txt"], [])


def test_a_finding_keeps_the_order_that_its_command_reads(setting: Setting) -> None:
    book = Casebook(runs=long_way_to_a_failure(), interrupted=True)

    (found,) = conclude(setting, book).findings

    assert found.reproduce.endswith("F1.txt")
    assert orders(setting) == ["F1.txt"]


def test_an_interrupted_confirmation_reports_each_suspicion_once(setting: Setting) -> None:
    """The last runs of a search may show more than what is being confirmed: that must not renumber the findings."""
    book = Casebook(runs=long_way_to_a_failure(), interrupted=True)
    book.suspicions = book.judge()
    book.findings = [replace(finding(), test=each.test) for each in book.suspicions]
    odd = {"test_a.py::test_0": FAILED, "test_a.py::test_victim": PASSED}
    book.runs.insert(0, run(shuffled(2), odd))

    found = conclude(setting, book).findings

    assert [each.test for each in found] == ["test_a.py::test_victim"]


def confirmed_in(setting: Setting, answer: Callable[[Experiment], Run]) -> tuple[Verdict, Finding]:
    """Confirm a test that failed in every run where its command does this."""
    book = Casebook(runs=[run(declared(number), {"a": FAILED}) for number in (1, 2)])
    book.suspicions = book.judge()
    confirm_all(setting, FakeLab(answer), Terminal(quiet=True), book)
    report = conclude(setting, book)
    (found,) = report.findings
    return report.verdict, found


def test_a_command_that_pytest_does_not_accept_is_no_word_for_the_test(
    setting: Setting, tmp_path: Path
) -> None:
    """It failed in every run, and nothing has contradicted that; the finding says why nothing could."""
    log = tmp_path / "log"
    log.write_text("ERROR: not found: a\n", encoding="utf-8")

    verdict, found = confirmed_in(
        setting, lambda asked: replace(run(asked, {}, exit_status=4), log=log)
    )

    assert (verdict, found.confirmed) == (Verdict.FAILING, False)
    assert found.refusal == "not found: a"


def test_a_broken_test_that_passes_in_a_fresh_process_fails_no_suite(setting: Setting) -> None:
    verdict, found = confirmed_in(setting, lambda asked: run(asked, {"a": PASSED}))

    assert (verdict, found.passed, found.refusal) == (Verdict.STABLE, 1, "")


@pytest.mark.parametrize(
    ("failing", "forked", "not_done"),
    [
        ("a", True, "judging 1 test that only fails in forks: ask again with --runner fresh"),
        ("ab", True, "judging 2 tests that only fail in forks: ask again with --runner fresh"),
        ("a", False, "judging 1 test that failed in every run, and passed when asked once more"),
    ],
)
def test_what_only_fails_in_the_laboratory_is_not_called_judged(
    failing: str, not_done: str, setting: Setting, *, forked: bool
) -> None:
    """The suite is not to be blamed for it; but nobody knows whether these tests are stable."""
    runs = [run(declared(number), dict.fromkeys(failing, FAILED)) for number in (1, 2)]
    book = Casebook(runs=runs, forked=forked)
    book.suspicions = book.judge()

    passing = dict.fromkeys(failing, PASSED)
    confirm_all(setting, FakeLab(lambda asked: run(asked, passing)), Terminal(quiet=True), book)
    report = conclude(setting, book)

    assert (report.verdict, report.exit_status) == (Verdict.STABLE, 0)
    assert report.evidence.incomplete == (not_done,)


SETTER, OTHER, NEEDY = "test_a.py::test_sets", "test_a.py::test_other", "test_a.py::test_needs"


def needy(asked: Experiment) -> Run:
    """Answer as a suite does in which a test fails unless another has run before."""
    order = [test for test in asked.arguments or () if "::" in test]
    failing = NEEDY in order and SETTER not in order[: order.index(NEEDY)]
    outcomes = dict.fromkeys(order, PASSED) | ({NEEDY: FAILED} if failing else {})
    return run(asked, outcomes)


def test_a_brittle_test_that_was_never_run_alone_is_not_called_a_victim(setting: Setting) -> None:
    """Behind a test that sets nothing up it fails, which looks as if that one polluted."""
    asked: list[Experiment] = []

    def answer(experiment: Experiment) -> Run:
        asked.append(experiment)
        return needy(experiment)

    here = setting.target.rootdir
    book = Casebook(
        runs=[
            run(declared(), {SETTER: PASSED, NEEDY: PASSED, OTHER: PASSED}, rootdir=here),
            run(shuffled(3), {OTHER: PASSED, NEEDY: FAILED, SETTER: PASSED}, rootdir=here),
        ]
    )
    book.suspicions = book.judge()
    assert [each.kind for each in book.suspicions] == [Instability.VICTIM]

    confirm_all(setting, FakeLab(answer), Terminal(quiet=True), book)

    report = conclude(setting, book)
    (found,) = report.findings
    assert (report.verdict, found.kind, found.confirmed) == (
        Verdict.UNSTABLE,
        Instability.BRITTLE,
        True,
    )
    assert (found.shown, found.tries, found.counter_check) == (1, 1, None)
    assert found.reproduce.endswith(NEEDY)
    assert OTHER not in found.reproduce
    assert len(asked) == 2  # behind the other, and alone: that was its command already


def test_a_test_that_passes_alone_and_fails_in_the_declared_order_is_no_stable_suite(
    setting: Setting,
) -> None:
    """There was no time to find out who is to blame: that it fails is known all the same."""

    def answer(experiment: Experiment) -> Run:
        alone = any("::" in each for each in experiment.arguments or ())
        return run(experiment, {NEEDY: PASSED if alone else FAILED})

    here = setting.target.rootdir
    book = Casebook(runs=[run(declared(), {OTHER: PASSED, NEEDY: FAILED}, rootdir=here)])
    book.suspicions = book.judge()
    assert [each.kind for each in book.suspicions] == [Instability.BROKEN]

    confirm_all(setting, FakeLab(answer), Terminal(quiet=True), book, seconds=0)

    report = conclude(setting, book)
    (found,) = report.findings
    assert (report.verdict, found.kind, found.confirmed) == (
        Verdict.FAILING,
        Instability.BROKEN,
        True,
    )
    assert NEEDY not in found.reproduce


# More findings than there is time to confirm

LONG = {f"test_a.py::test_{number}": PASSED for number in range(20)}
FIRST, SECOND, THIRD = (f"test_a.py::test_{name}" for name in ("first", "second", "third"))


def victim_of_many(test: str) -> Suspicion:
    """Suspect a test behind many others, any of which may have polluted."""
    return suspicion(test, Instability.VICTIM, run(shuffled(3), {**LONG, test: FAILED}))


def victim_of_one(test: str) -> Suspicion:
    return replace(victim_of_many(test), culprits=((next(iter(LONG)),),))


def broken(test: str) -> Suspicion:
    """Suspect a test under no hash seed that it could be tried with again."""
    return suspicion(test, Instability.BROKEN, run(declared(hash_seed=None), {test: FAILED}))


def late(
    setting: Setting, *suspected: Suspicion, shown: Collection[int] = (1, 2, 3)
) -> tuple[list[str], Report]:
    """Confirm when the time is up already; `shown` are the findings whose commands show them."""
    book = Casebook(runs=[run(declared(), LONG)], suspicions=suspected)
    asked: list[str] = []

    def answer(experiment: Experiment) -> Run:
        asked.append(experiment.label)
        number = int(experiment.label.rpartition("F")[2])
        failing = number in shown and not experiment.label.startswith("counter")
        return run(experiment, {suspected[number - 1].test: FAILED if failing else PASSED})

    confirm_all(setting, FakeLab(answer), Terminal(quiet=True), book, seconds=0)
    return [label for label in asked if label.startswith("confirm")], conclude(setting, book)


def test_short_commands_come_first_and_findings_keep_their_numbers(setting: Setting) -> None:
    cases = (victim_of_many(FIRST), victim_of_one(SECOND), broken(THIRD))

    asked, report = late(setting, *cases, shown=())

    assert asked == ["confirm F3", "confirm F2", "confirm F1"]
    assert [(each.id, each.test) for each in report.findings] == [
        ("F1", FIRST),
        ("F2", SECOND),
        ("F3", THIRD),
    ]


def test_when_the_time_is_up_one_confirmed_finding_is_enough(setting: Setting) -> None:
    asked, report = late(
        setting, victim_of_many(FIRST), victim_of_one(SECOND), victim_of_one(THIRD)
    )

    assert asked == ["confirm F2"]
    assert report.verdict is Verdict.UNSTABLE
    assert [each.confirmed for each in report.findings] == [False, True, False]
    assert [each.tries for each in report.findings] == [0, 1, 0]
    assert report.evidence.incomplete == ("confirming 2 of 3 findings: the budget was spent",)


@pytest.mark.parametrize(
    ("cases", "shown", "asked", "verdict"),
    [
        ((victim_of_one, victim_of_many), (2,), ["F1", "F2"], Verdict.UNSTABLE),
        ((victim_of_one, victim_of_many), (), ["F1", "F2"], Verdict.STABLE),
        ((broken, victim_of_one), (1, 2), ["F1", "F2"], Verdict.UNSTABLE),
        ((broken, broken, victim_of_many), (1, 2), ["F1", "F3"], Verdict.FAILING),
        ((broken, broken), (2,), ["F1", "F2"], Verdict.FAILING),
    ],
    ids=[
        "the first is not confirmed",
        "none is",
        "a broken test first",
        "a second broken test",
        "a refuted one first",
    ],
)
def test_late_as_it_is_what_may_change_the_verdict_is_run(
    cases: tuple[Callable[[str], Suspicion], ...],
    shown: tuple[int, ...],
    asked: list[str],
    verdict: Verdict,
    setting: Setting,
) -> None:
    """A suite is not to be called stable for want of time."""
    suspected = [make(test) for make, test in zip(cases, (FIRST, SECOND, THIRD), strict=False)]

    labels, report = late(setting, *suspected, shown=shown)

    assert labels == [f"confirm {each}" for each in asked]
    assert report.verdict is verdict


def test_an_interruption_keeps_what_is_confirmed_whatever_its_number(setting: Setting) -> None:
    cases = (victim_of_many(FIRST), victim_of_one(SECOND))
    book = Casebook(runs=[run(declared(), LONG)], suspicions=cases)

    def answer(experiment: Experiment) -> Run:
        if experiment.label == "confirm F1":
            raise KeyboardInterrupt
        failing = experiment.label == "confirm F2"
        return run(experiment, {SECOND: FAILED if failing else PASSED})

    with book.kept():
        confirm_all(setting, FakeLab(answer), Terminal(quiet=True), book)
    report = conclude(setting, book)

    assert report.verdict is Verdict.INTERRUPTED
    assert [(each.id, each.confirmed) for each in report.findings] == [("F1", False), ("F2", True)]
    assert report.evidence.incomplete == ("confirming 1 of 2 findings: interrupted",)


@pytest.mark.parametrize(
    ("workers", "jobs", "limit"),
    [(("", ""), 1, 1.5), (("", ""), 2, 0.75), (("gw0", "gw1"), 1, 2.0)],
    ids=["one after the other", "two jobs", "two workers"],
)
def test_tests_take_no_longer_than_the_run_that_they_were_in(
    workers: tuple[str, str], jobs: int, limit: float, setting: Setting
) -> None:
    """A clock that one of them set makes all behind it look slow: two of 1 s do not fit in 1.5 s by themselves."""
    seen = run(declared(), {"a": PASSED, "b": PASSED})
    slow = (
        replace(each, seconds=1.0, worker=worker)
        for each, worker in zip(seen.outcomes, workers, strict=True)
    )
    book = Casebook(runs=[replace(seen, outcomes=tuple(slow))])

    report = conclude(replace(setting, jobs=jobs), book)

    assert report.timing.limit == limit
