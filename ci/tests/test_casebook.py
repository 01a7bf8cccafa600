"""What an investigation has gathered, and the report that is made of it at any time."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import pytest
from builders import declared, finding, run, shuffled
from fake_lab import FakeLab

from shakeproof.casebook import Casebook, Setting, conclude, confirm_all, keep
from shakeproof.errors import ShakeproofError
from shakeproof.lab.base import Target
from shakeproof.model import Experiment, Finding, Instability, Run, Status, Verdict
from shakeproof.report.from_json import read_report
from shakeproof.report.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable
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
