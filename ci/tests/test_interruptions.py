"""An investigation that is interrupted at any of its runs: the partial report says no more than the whole one."""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from builders import PROJECT, declared, outcome, run
from fake_lab import FakeForkLab, FakeLab

from shakeproof.casebook import Casebook, Setting
from shakeproof.confirming import confirm_all
from shakeproof.lab.base import Target
from shakeproof.model import Experiment, Finding, Kind, Outcome, Report, Run, Status, Verdict
from shakeproof.report.from_json import read_report
from shakeproof.report.terminal import Terminal
from shakeproof.reporting import conclude
from shakeproof.search.blame import Blame
from shakeproof.search.pairs import try_pairs
from shakeproof.search.work import Labs, Work
from shakeproof.stability import Question, investigate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VICTIM, POLLUTER, CLEANER = "test_a.py::victim", "test_a.py::polluter", "test_a.py::cleaner"
NEXT_VICTIM, NEXT, OTHER = "test_b.py::next_victim", "test_b.py::next", "test_b.py::other"
SUITE = (VICTIM, CLEANER, POLLUTER, NEXT_VICTIM, OTHER, NEXT)


@dataclass
class Counting:
    """Answers as a suite with two victims, one of which only fails right behind its polluter; until the n-th run."""

    last: int = sys.maxsize
    asked: list[Experiment] = field(default_factory=list)

    def __call__(self, experiment: Experiment) -> Run:
        self.asked.append(experiment)
        if len(self.asked) == self.last:
            raise KeyboardInterrupt
        order = experiment.arguments or experiment.tests or SUITE
        outcomes = tuple(self._outcomes(order))
        failed = any(each.bad for each in outcomes)
        made = run(experiment, {}, collected=tuple(order), exit_status=int(failed))
        return replace(made, outcomes=outcomes)

    @staticmethod
    def _outcomes(order: tuple[str, ...]) -> Iterator[Outcome]:
        polluted = False
        for before, test in itertools.pairwise(("", *order)):
            polluted = (polluted or before == POLLUTER) and before != CLEANER
            fails = polluted if test == VICTIM else (before, test) == (NEXT, NEXT_VICTIM)
            yield outcome(test, Status.FAILED if fails else Status.PASSED)


def investigated(out: Path, suite: Counting) -> Report:
    """Do what the command does, in one laboratory for all."""
    setting = Setting(Target(PROJECT, sys.executable), jobs=1, master_seed=5, out=out)
    setting.prepare()
    question = Question(setting, repeat=2, seeds=2, budget=1e6, runner="auto")
    book, terminal = Casebook(), Terminal(quiet=True)
    with book.kept():
        labs = Labs(FakeForkLab(suite), FakeLab(suite), setting.target)
        investigate(question, labs, SUITE, book, terminal)
        confirm_all(setting, FakeLab(suite), terminal, book)
    return conclude(setting, book)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Counting, Report]:
    """Investigate undisturbed."""
    suite = Counting()
    return suite, investigated(tmp_path_factory.mktemp("whole"), suite)


def test_undisturbed_both_victims_are_named(whole: tuple[Counting, Report]) -> None:
    """By all stages: one of the victims comes to light in no other than the pairs."""
    suite, report = whole
    kinds = {each.kind for each in suite.asked}
    labels = " ".join(each.label for each in suite.asked)

    assert (report.verdict, report.evidence.incomplete) == (Verdict.UNSTABLE, ())
    assert {each.test: each.culprits for each in report.findings} == {
        VICTIM: ((POLLUTER,),),
        NEXT_VICTIM: ((NEXT,),),
    }
    assert kinds >= {Kind.SHUFFLED, Kind.TWICE, Kind.PAIR, Kind.REPLAY}
    assert all(word in labels for word in ("replay #", "probe ", " then ", "confirm F", "alone #"))


def test_whenever_it_is_interrupted_the_report_says_no_more_than_the_whole_one(
    whole: tuple[Counting, Report], tmp_path: Path
) -> None:
    """While it explores, settles, names culprits, tries pairs, looks into them, or confirms: nothing is made up."""
    suite, complete = whole
    expected = {each.test: each for each in complete.findings}
    for last in range(2, len(suite.asked) + 1):
        out = tmp_path / str(last)

        partial = investigated(out, Counting(last))

        assert (partial.verdict, partial.exit_status) == (Verdict.INTERRUPTED, 130)
        assert partial.evidence.incomplete
        assert all(each.endswith("interrupted") for each in partial.evidence.incomplete)
        assert all(_says_no_more(each, expected[each.test]) for each in partial.findings)
        assert [each.id for each in partial.findings] == _numbered(partial)
        assert _told(read_report(out)) == _told(partial)


def test_what_pairs_have_brought_to_light_by_then_is_kept() -> None:
    """They take most of the budget: at the last of them much may be known."""
    suite = Counting(last=3)  # the first pair, the same by itself, and then somebody loses patience
    book = Casebook()
    labs = Labs(FakeForkLab(suite), FakeLab(suite), Target(PROJECT, sys.executable))
    work = Work(labs, (NEXT, NEXT_VICTIM, OTHER), book, Terminal(quiet=True), jobs=1, budget=1e6)

    with pytest.raises(KeyboardInterrupt):
        try_pairs(work, Blame(work))

    assert [each.order for each in book.runs] == [(NEXT, NEXT_VICTIM)]


def test_of_runs_that_were_planned_it_is_said_how_many_were_not_made(tmp_path: Path) -> None:
    setting = Setting(Target(PROJECT, sys.executable), jobs=1, master_seed=5, out=tmp_path)
    setting.prepare()
    plan = tuple(declared(number) for number in (1, 2, 3))
    passed = run(plan[0], dict.fromkeys(SUITE, Status.PASSED))
    book = Casebook(planned=plan, runs=[passed], interrupted=True)

    report = conclude(setting, book)

    assert (report.verdict, report.evidence.incomplete) == (
        Verdict.INTERRUPTED,
        ("2 of 3 runs: interrupted",),
    )


def test_before_the_first_run_there_is_nothing_to_report() -> None:
    """The interruption goes on to whoever began: what was there before stays."""
    book = Casebook()

    with pytest.raises(KeyboardInterrupt), book.kept():
        raise KeyboardInterrupt

    assert not book.interrupted


def _says_no_more(partial: Finding, whole: Finding) -> bool:
    """Compare a finding: it may still have another kind, but no other culprit or cleaner, and no more certainty."""
    return (
        set(partial.culprits) <= set(whole.culprits)
        and set(partial.cleaners) <= set(whole.cleaners)
        and partial.confirmed <= whole.confirmed
        and (not partial.confirmed or partial.kind is whole.kind)
    )


def _told(report: Report) -> object:
    findings = [(each.id, each.test, each.kind, each.culprits) for each in report.findings]
    return report.verdict, findings, report.evidence.incomplete


def _numbered(report: Report) -> list[str]:
    return [f"F{number}" for number, _ in enumerate(report.findings, 1)]


@pytest.mark.parametrize(
    ("word", "not_done"),
    [
        ("replay #", "settling what differs, "),
        ("probe ", "culprits, "),
        (" then ", "pairs: interrupted"),
        ("confirm F", "confirming "),
    ],
)
def test_the_stage_in_which_it_was_interrupted_is_named(
    word: str, not_done: str, whole: tuple[Counting, Report], tmp_path: Path
) -> None:
    suite, _ = whole
    place = next(n for n, each in enumerate(suite.asked, 1) if word in each.label)

    report = investigated(tmp_path / "out", Counting(place))

    assert report.evidence.incomplete[0].startswith(not_done)
