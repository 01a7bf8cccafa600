"""The declared order in fresh processes, with one thing about the machine changed at a time."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shakeproof.investigate import ambient
from shakeproof.investigate.conditions import (
    LOCALES,
    ZONES,
    Place,
    conditions,
    no_programs,
    same_date,
)
from shakeproof.lab.surroundings import look_around
from shakeproof.messages import complaint, headline
from shakeproof.model import Kind
from shakeproof.report import phrases
from shakeproof.search.work import paced

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from shakeproof.model import Condition, Experiment, Run
    from shakeproof.search.work import Work

SHARE = 0.75  # of what is left of the budget: pairs of tests come after this
MOST_ALONE = 20  # tests that are tried by themselves under their condition: each takes a process


def try_conditions(
    work: Work, wanted: Collection[str], environ: Mapping[str, str], now: datetime
) -> None:
    """Look for tests that pass as long as nothing around them changes, and fail in other weather.

    Only tests that have passed in every run so far are asked. One is suspected when it fails under a condition and
    passes in an unchanged process of the same kind, and does both once more: one that fails by chance in a share p of
    its runs does so with probability (p(1 - p))^2, at most 1/16, and its command is then tried the same way again.
    `now` is aware, by the local time zone.
    """
    if not wanted:
        return
    book, target = work.book, work.labs.target
    if work.spent():
        book.left_out("ambient conditions: the budget was spent")
        return
    tests = ambient.steady(book.runs).difference(work.set_aside)
    around = look_around(target, LOCALES, ZONES)
    place = Place(target.rootdir, environ, now, around)
    chosen, missing = conditions(wanted, place)
    for sentence in missing:
        book.left_out(sentence)
    if tests and chosen:
        _Search(work, tests, until=time.monotonic() + SHARE * work.remaining).go(chosen, place)
        book.suspicions = book.suspected()


@dataclass(slots=True)
class _Search:
    """One search for what tests mind."""

    work: Work
    tests: frozenset[str]  # that are asked
    until: float  # by the monotonic clock
    runs: list[Run] = field(default_factory=list)
    # By what was changed and test: the conditions that it minds, each with a run that shows it.
    found: dict[tuple[str, str], list[tuple[Condition, Run]]] = field(default_factory=dict)

    def go(self, chosen: Sequence[Condition], place: Place) -> None:
        """Make the runs, and note what they show."""
        seconds = _seconds_of_a_run(self.work.book.runs)
        if not self._fits(2 * seconds):
            self._left_out(chosen)
            return
        self.work.terminal.begin("under other conditions", len(chosen) + 1)
        everything = ambient.usual_run(self.work.sound if self.work.set_aside else None)
        (usual,) = self._run([everything])
        if not usual.order:
            said = f"without any change pytest {_ending(usual)}"
            self.work.book.left_out(f"ambient conditions: {said}")
            return
        first = self._first_look(chosen, usual)
        for condition in chosen:
            if condition in first:
                self._second_look(condition, usual, first[condition])
                self._note(usual, doubtful="clock")  # whoever loses patience has it in the report
        self._believe_the_clock(place, usual)
        self._note(usual)
        self._try_alone(usual)
        self._note(usual)
        made = phrases.plural(len(self.runs), "run")
        told = phrases.plural(len({test for _, test in self.found}), "test")
        self.work.terminal.say(
            f"  {made} under other conditions and as usual: {told} found to mind"
        )

    def _first_look(
        self, chosen: Sequence[Condition], usual: Run
    ) -> dict[Condition, tuple[str, ...]]:
        """Run the suite once under each condition, and give the tests that failed by it."""
        target = self.work.labs.target
        plan = [ambient.changed(condition, usual, target) for condition in chosen]
        suspects: dict[Condition, tuple[str, ...]] = {}
        done = 0
        for batch in paced(plan, self.work.jobs):
            rounds = -(-len(batch) // self.work.jobs)
            # What was seen once has to be seen again: without that, it was seen for nothing.
            again = sum(_seconds_of_a_pair(tests, usual) for tests in suspects.values())
            if not self._fits(rounds * usual.seconds + again):
                self._left_out(chosen[done:])
                break
            for run in self._run(batch, self.work.jobs):
                condition = _condition(run)
                self._say_how_far(condition, run)
                if minding := ambient.minding(self.tests, run, usual):
                    suspects[condition] = minding
            done += len(batch)
        return suspects

    def _say_how_far(self, condition: Condition, run: Run) -> None:
        """Say it where a run came to no test, or not to all: that is nobody's failure, and no evidence either."""
        left = ambient.unreached(self.tests, run)
        if not run.order:
            self.work.book.left_out(f"{condition.name}: pytest {_ending(run)}")
        elif left:
            last = run.order[-1]
            tests = phrases.plural(left, "test")
            self.work.book.left_out(f"{condition.name} for {tests}: the run ended at {last}")

    def _second_look(self, condition: Condition, usual: Run, suspects: Sequence[str]) -> None:
        """Run the suspects once more under the condition and without, and if need be the whole suite."""
        book, target = self.work.book, self.work.labs.target
        left = tuple(suspects)
        pairs = ((left, _seconds_of_a_pair(left, usual)), (None, 2 * usual.seconds))
        for tests, seconds in pairs:
            if not left:
                return
            if not self._fits(seconds):
                book.left_out(_another_look(len(left), condition))
                return
            pair = ambient.again(condition, usual, tests, target)
            self.work.terminal.begin(f"{condition.name} again", len(pair))
            # One at a time: what minds company shall not be put down to the weather.
            shown = {run.experiment.label: run for run in self._run(pair)}
            changed, control = (shown[each.label] for each in pair)
            for test in ambient.minding(left, changed, control):
                self.found.setdefault((condition.category, test), []).append((condition, changed))
            left = tuple(test for test in left if not self._shows(condition, test))
        if left:
            tests_ = phrases.plural(len(left), "test")
            book.left_out(
                f"{tests_} that failed once under {condition.name} and not again, such as {left[0]}"
            )

    def _shows(self, condition: Condition, test: str) -> bool:
        seen = self.found.get((condition.category, test), [])
        return any(each is condition for each, _ in seen)

    def _believe_the_clock(self, place: Place, usual: Run) -> None:
        """Let go of the tests that may fail for the clock being a false one, rather than for the date.

        Those are the ones that fail also at another time of the same date, and those that work with another program.
        """
        tests = tuple(test for category, test in self.found if category == "clock")
        if not tests:
            return
        controls = (same_date(place), no_programs())
        plan = [ambient.again(each, usual, tests, self.work.labs.target)[0] for each in controls]
        self.work.terminal.begin("whether it is the date", len(plan))
        runs = self._run(plan)
        wrong = [test for test in tests if not all(run.came_through(test) for run in runs)]
        for test in wrong:
            del self.found["clock", test]
        if wrong:
            self.work.book.left_out(
                f"other dates for {phrases.plural(len(wrong), 'test')} that cannot do with a clock that is put, "
                f"such as {wrong[0]}: only Python's own can be, not that of files, databases and other programs"
            )

    def _try_alone(self, usual: Run) -> None:
        """Where the test fails by itself as well, let that be what is shown: it is the shortest command."""
        target = self.work.labs.target
        wanted = [(key, found[0][0]) for key, found in self.found.items()][:MOST_ALONE]
        keys = {}
        plan = []
        for key, condition in wanted:
            experiment = ambient.alone(condition, usual, key[1], target)
            keys[experiment.label] = key
            plan.append(experiment)
        self.work.terminal.begin("alone under other conditions", len(plan))
        for batch in paced(plan, self.work.jobs):
            if self.work.spent():
                return  # the longer command shows it too
            for run in self._run(batch, self.work.jobs):
                key = keys[run.experiment.label]
                if run.came_through(key[1]) is False:
                    self.found[key][0] = (_condition(run), run)

    def _note(self, usual: Run, doubtful: str = "") -> None:
        """Report what was found so far, but for what is still to be looked into."""
        self.work.book.ambient = tuple(
            ambient.suspicion(test, shown, self.runs, usual)
            for (category, test), shown in self.found.items()
            if category != doubtful
        )

    def _run(self, experiments: Iterable[Experiment], jobs: int = 1) -> list[Run]:
        made: list[Run] = []
        for run in self.work.labs.fresh.at_once(jobs).run(list(experiments)):
            self.work.terminal.made(run)
            self.work.book.ambient_runs.append(run)
            self.runs.append(run)
            made.append(run)
        return made

    def _fits(self, seconds: float) -> bool:
        return time.monotonic() + seconds < self.until

    def _left_out(self, chosen: Sequence[Condition]) -> None:
        names = ", ".join(condition.name for condition in chosen)
        self.work.book.left_out(f"ambient conditions {names}: too long for the budget")


def _condition(run: Run) -> Condition:
    condition = run.experiment.condition
    assert condition is not None  # noqa: S101  (it was asked for one)
    return condition


def _another_look(tests: int, condition: Condition) -> str:
    return f"another look at {phrases.plural(tests, 'test')} that failed under {condition.name}"


def _seconds_of_a_run(runs: Sequence[Run]) -> float:
    """Estimate what the declared order takes in a fresh process: it has to collect first."""
    times = [run.seconds for run in runs if run.experiment.kind is Kind.DECLARED and run.order]
    collecting = max((run.collection_seconds for run in runs), default=0.0)
    return collecting + (statistics.median(times) if times else 0.0)


def _seconds_of_a_pair(tests: Collection[str], usual: Run) -> float:
    """Estimate what two runs take that collect everything and run these tests."""
    of_tests = sum(each.seconds for each in usual.outcomes if each.test in tests)
    return 2 * (usual.collection_seconds + of_tests)


def _ending(run: Run) -> str:
    """Say how pytest came to run nothing."""
    lines = run.collection_errors[0].splitlines() if run.collection_errors else []
    # Of a traceback as pytest shows it, the first line of the exception; it goes on to explain it at length.
    errors = [line.removeprefix("E ").strip() for line in lines if line.startswith("E ")]
    said = (*errors, *lines[-1:])
    printed = said[0] if said else complaint(run.log.read_text(encoding="utf-8", errors="replace"))
    return f"ran no test and said `{headline(printed)}` (all of it is in {run.log})"
