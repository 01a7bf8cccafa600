"""An investigation that does not come to its end: what was known by then is reported, and what was not done."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from builders import PROJECT, outcome, run
from fake_lab import FakeForkLab, FakeLab

from shakeproof.casebook import Casebook, Setting
from shakeproof.confirming import confirm_all
from shakeproof.errors import NothingToJudgeError, ShakeproofError
from shakeproof.lab.base import Target
from shakeproof.lab.fork import ForkUnsafeError
from shakeproof.model import Experiment, Instability, Kind, Report, Run, Status, Verdict
from shakeproof.report.from_json import read_report
from shakeproof.report.terminal import Terminal
from shakeproof.reporting import conclude
from shakeproof.search.work import Labs
from shakeproof.stability import Question, investigate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from shakeproof.lab.base import Lab

    When = Callable[[Experiment], bool]

FIRST, SECOND = "test_it.py::test_first_victim", "test_it.py::test_second_victim"
POLLUTER, OTHER = "test_it.py::test_pollutes", "test_it.py::test_does_nothing"
POLLUTED_BY = {FIRST: POLLUTER, SECOND: POLLUTER}
LAST_STAGES = (
    "culprits, causes, what overlaps, further culprits, their causes, "
    "what files leave behind by being imported, pairs"
)
SUITE = (FIRST, SECOND, POLLUTER, OTHER)


@dataclass(frozen=True)
class Suite:
    """Answers as a suite does in which some tests fail behind others, until something happens."""

    polluted_by: Mapping[str, str]
    happens: BaseException | None = None
    when: When = lambda _: True
    collected: Callable[[int | None], tuple[str, ...]] = lambda _: SUITE

    def __call__(self, experiment: Experiment) -> Run:
        if self.happens is not None and self.when(experiment):
            raise self.happens
        there = self.collected(experiment.hash_seed)
        asked = experiment.arguments or experiment.tests or there
        order = tuple(test for test in asked if test in there)
        failed = {test for place, test in enumerate(order) if self._polluted(test, order[:place])}
        outcomes = (
            outcome(test, Status.FAILED if test in failed else Status.PASSED) for test in order
        )
        made = run(experiment, {}, collected=order, exit_status=int(bool(failed)))
        return replace(made, outcomes=tuple(outcomes))

    def _polluted(self, test: str, before: tuple[str, ...]) -> bool:
        return self.polluted_by.get(test) in before


ILL = Suite(POLLUTED_BY)


@pytest.fixture
def question(tmp_path: Path) -> Question:
    """Ask about a suite, with two shuffles and more time than any test takes."""
    setting = Setting(Target(PROJECT, sys.executable), jobs=2, master_seed=1, out=tmp_path / "out")
    setting.prepare()
    return Question(setting, repeat=2, seeds=2, budget=1e6, runner="auto")


def investigated(question: Question, lab: Lab, judge: Suite = ILL) -> Report:
    """Do what the command does, in these laboratories."""
    setting, book, terminal = question.setting, Casebook(), Terminal(quiet=True)
    with book.kept():
        investigate(question, Labs(lab, lab, question.setting.target), SUITE, book, terminal)
        confirm_all(setting, FakeLab(judge), terminal, book)
    return conclude(setting, book)


def interrupted(when: When) -> Suite:
    """Make the suite with two victims, at which somebody loses patience."""
    return Suite(POLLUTED_BY, KeyboardInterrupt(), when)


def culprits(report: Report) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Say who is blamed for which test."""
    return {each.test: each.culprits for each in report.findings}


def test_undisturbed_it_names_both_victims_and_their_polluter(question: Question) -> None:
    """What the others here are cut short of."""
    report = investigated(question, FakeForkLab(ILL))

    assert (report.verdict, report.evidence.incomplete) == (Verdict.UNSTABLE, ())
    assert culprits(report) == dict.fromkeys((FIRST, SECOND), ((POLLUTER,),))
    assert all(each.confirmed for each in report.findings)


@pytest.mark.parametrize(
    ("at", "runs"),
    [
        (Kind.SHUFFLED, {"declared": 2}),
        (Kind.TWICE, {"declared": 2, "shuffled": 2, "reversed": 1, "concurrent": 1}),
    ],
)
def test_the_report_of_the_last_stage_outlives_whatever_ends_the_next(
    at: Kind, runs: dict[str, int], question: Question
) -> None:
    """Nobody gets to write another one where the process is killed."""
    killed = Suite(POLLUTED_BY, SystemExit(), lambda each: each.kind is at)

    with pytest.raises(SystemExit):
        investigated(question, FakeLab(killed))

    report = read_report(question.setting.out)
    done = dict(report.evidence.experiments)
    assert report.verdict is Verdict.INTERRUPTED
    assert done == runs


def test_an_interruption_while_settling_keeps_what_is_suspected(question: Question) -> None:
    lab = FakeForkLab(interrupted(lambda each: each.label.startswith("replay #")))

    report = investigated(question, lab)

    assert (report.verdict, report.exit_status) == (Verdict.INTERRUPTED, 130)
    assert culprits(report) == {FIRST: (), SECOND: ()}
    assert report.evidence.incomplete == (
        f"settling what differs, imports of test files, causes on import, {LAST_STAGES}: interrupted",
        "confirming 2 of 2 findings: interrupted",
    )


def test_an_interruption_among_the_culprits_keeps_those_that_were_named(question: Question) -> None:
    lab = FakeForkLab(interrupted(lambda each: f": {SECOND} behind" in each.label))

    report = investigated(question, lab)

    assert report.verdict is Verdict.INTERRUPTED
    assert culprits(report) == {FIRST: ((POLLUTER,),), SECOND: ()}
    assert report.evidence.incomplete == (
        f"{LAST_STAGES}: interrupted",
        "confirming 2 of 2 findings: interrupted",
    )


def test_an_interruption_among_the_pairs_keeps_the_culprits(question: Question) -> None:
    lab = FakeForkLab(interrupted(lambda each: each.kind is Kind.PAIR))

    report = investigated(question, lab)

    assert report.verdict is Verdict.INTERRUPTED
    assert culprits(report) == dict.fromkeys((FIRST, SECOND), ((POLLUTER,),))
    assert report.evidence.incomplete[0] == "pairs: interrupted"


def test_an_interruption_while_confirming_keeps_what_is_confirmed(question: Question) -> None:
    judge = interrupted(lambda each: each.label == "confirm F2")

    report = investigated(question, FakeForkLab(ILL), judge)

    assert report.verdict is Verdict.INTERRUPTED
    assert [each.confirmed for each in report.findings] == [True, False]
    assert culprits(report) == dict.fromkeys((FIRST, SECOND), ((POLLUTER,),))
    assert report.evidence.incomplete == ("confirming 1 of 2 findings: interrupted",)


LOST = ForkUnsafeError("the process that had collected ended")


@pytest.mark.parametrize(
    ("at", "named", "not_done"),
    [
        (
            "twice",
            (),
            f"other orders, settling what differs, imports of test files, causes on import, {LAST_STAGES}",
        ),
        (f": {SECOND} behind", ((POLLUTER,),), LAST_STAGES),
    ],
)
def test_a_search_that_loses_its_processes_goes_on_to_confirm_what_it_knows(
    at: str,
    named: tuple[tuple[str, ...], ...],
    not_done: str,
    question: Question,
) -> None:
    lost = Suite(POLLUTED_BY, LOST, lambda each: at in each.label)

    by_itself = replace(question, setting=replace(question.setting, jobs=1))

    report = investigated(by_itself, FakeForkLab(lost))

    assert culprits(report)[FIRST] == named
    assert report.verdict is Verdict.UNSTABLE
    assert all(each.confirmed for each in report.findings)
    assert report.evidence.incomplete == (f"{not_done}: {LOST}",)


def test_processes_lost_before_the_first_run_are_a_sentence(question: Question) -> None:
    with pytest.raises(ShakeproofError, match="Use --runner fresh"):
        investigated(question, FakeForkLab(Suite({}, LOST)))


@pytest.mark.parametrize(
    ("repeat", "lab", "advice"),
    [
        (2, FakeForkLab, "mend that first, or use --runner fresh"),
        (0, FakeForkLab, "mend that first, or use --runner fresh"),
        (2, FakeLab, "mend that first, nothing was judged"),
    ],
    ids=["forks", "no run in the declared order", "fresh processes"],
)
def test_runs_without_a_test_are_nothing_to_judge(
    repeat: int,
    lab: Callable[[Callable[[Experiment], Run]], Lab],
    advice: str,
    question: Question,
    tmp_path: Path,
) -> None:
    """No verdict may rest on them; pytest itself says best why it ran none."""
    log = tmp_path / "log"
    log.write_text("collected 4 items\nINTERNALERROR> Refused: no\n\n= no tests ran =\n", "utf-8")
    waiting = dict.fromkeys(SUITE, Status.NOT_RUN)

    def dies(experiment: Experiment) -> Run:
        return replace(run(experiment, waiting, exit_status=3), log=log)

    with pytest.raises(NothingToJudgeError, match="ended with status 3") as told:
        investigated(replace(question, repeat=repeat), lab(dies))

    said = str(told.value)
    assert told.value.exit_status == 4
    assert "said `Refused: no`" in said
    assert str(log) in said
    assert advice in said
    assert not (question.setting.out / "report.json").exists()


def test_what_fails_in_every_fork_and_passes_by_itself_is_left_to_fresh_processes(
    question: Question,
) -> None:
    def fails(experiment: Experiment) -> Run:
        seen = ILL(experiment)
        outcomes = (
            outcome(each.test, Status.FAILED if each.test == OTHER else Status.PASSED)
            for each in seen.outcomes
        )
        return replace(seen, outcomes=tuple(outcomes), exit_status=1)

    report = investigated(question, FakeForkLab(fails))

    assert (report.verdict, report.exit_status) == (Verdict.STABLE, 0)
    assert report.evidence.incomplete == (
        "judging 1 test that only fails in forks: ask again with --runner fresh",
    )


def test_a_test_that_is_not_always_collected_is_all_that_is_found(question: Question) -> None:
    """It is named by the hash seed, as a parameter from a set may be; the others are not suspected for it."""
    names = {0: f"{OTHER}[a]", 1: f"{OTHER}[b]"}
    sometimes = Suite({}, collected=lambda seed: (FIRST, SECOND, names.get(seed or 0, OTHER)))

    report = investigated(question, FakeForkLab(sometimes), sometimes)

    assert {each.test for each in report.findings} == set(names.values())
    assert {each.kind for each in report.findings} == {Instability.HASH_ORDER}


def test_no_repeats_are_no_runs_in_the_declared_order(question: Question) -> None:
    """Everything else is tried all the same."""
    report = investigated(replace(question, repeat=0), FakeForkLab(ILL))

    assert "declared" not in dict(report.evidence.experiments)
    assert culprits(report) == dict.fromkeys((FIRST, SECOND), ((POLLUTER,),))
