"""Who is to blame for a test that depends on order, and who would help."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

from shakeproof.investigate.classify import (
    DEPENDENT,
    SESSION,
    VERY_SIGNIFICANT,
    chance_of_one_side,
)
from shakeproof.investigate.commands import often_enough
from shakeproof.investigate.confirm import matches
from shakeproof.investigate.culprits import all_culprits, cleaners, some_culprits
from shakeproof.model import Experiment, Instability, Kind
from shakeproof.report import phrases
from shakeproof.search.settle import settle
from shakeproof.search.work import failure_of, paced

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shakeproof.investigate.culprits import HoldsBehind
    from shakeproof.model import Outcome, Suspicion
    from shakeproof.search.work import Failure, Work

FEW_TESTS = 50  # each is asked whether it is to blame, before there is anything to go by
ASKED_AGAIN = 40  # times, behind somebody accused of an intermittent victim
ASKED_TO_BE_SURE = 2  # times, whether a test crashes or hangs behind others and not by itself
DEADLY = frozenset({Instability.CRASH, Instability.HANG})


class Blame:
    """Names the culprits of victims, of brittle tests, and of tests that crash or hang behind others only."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._probes = itertools.count(1)
        self._seen: set[Failure] = set()  # when culprits began to be looked for, and since
        self._through: set[Failure] = set()  # of which all culprits were looked for

    def name_some(self) -> None:
        """Name a culprit of every test that depends on order, as far as the budget goes; of a small suite, all of them.

        Who looks for culprits may see the test fail for another reason than before: that is looked into as well.
        """
        runs = len(self._work.book.runs)
        self._look_into_the_open_ones()
        if len(self._work.book.runs) > runs:
            settle(self._work)
            self._look_into_the_open_ones()

    def name_all(self) -> None:
        """Name all that are to blame, and who would help: where time is short, each test has one culprit before."""
        book = self._work.book
        known = [
            each for each in book.suspicions if _may_have_culprits(each) and book.recalled(each)
        ]
        new = [each for each in known if (each.test, each.reason) not in self._through]
        halfway = [
            each for each in new if self._in_two_steps(each) and _is_worth_a_further_look(each)
        ]
        for suspicion in self._in_time(halfway, "whether anything else is to blame as well for"):
            book.accuse(self._with_all_culprits(suspicion))
        self._look_for_cleaners([book.recalled(each) or each for each in new])
        self._through |= {(each.test, each.reason) for each in new}
        book.suspicions = book.suspected()

    def _look_into_the_open_ones(self) -> None:
        book = self._work.book
        self._seen = self._work.failures_seen()
        open_ones = [
            each for each in book.suspicions if _may_have_culprits(each) and not book.recalled(each)
        ]
        for suspicion in self._in_time(open_ones, "the culprits of"):
            book.accuse(self._looked_into(suspicion))
        book.suspicions = book.suspected()

    def _in_time(self, suspicions: Sequence[Suspicion], what: str) -> Iterator[Suspicion]:
        """Hand out one after the other until the budget is spent; then say of how many tests it is left out what."""
        for number, suspicion in enumerate(suspicions):
            if self._work.spent():
                left = phrases.plural(len(suspicions) - number, "test")
                self._work.book.left_out(f"{what} {left}")
                return
            yield suspicion

    def _looked_into(self, suspicion: Suspicion) -> Suspicion:
        """Put in the culprits that are found at first."""
        if suspicion.kind in DEADLY and not self._comes_from_order(suspicion):
            return suspicion
        if self._in_two_steps(suspicion):
            return self._with_some_culprits(suspicion)
        return self._with_all_culprits(suspicion)

    def _comes_from_order(self, suspicion: Suspicion) -> bool:
        """Tell whether a test crashes or hangs again behind what ran before it, and not by itself: else it is chance.

        Of other failures, that was settled by then. These are not run again for that, since each takes a process, or
        the time after which a test is given up.
        """
        behind, alone = self._behind(suspicion, [_before(suspicion), ()], ASKED_TO_BE_SURE)
        again = [matches(suspicion, each) for each in behind]
        passed = [each.came_through is True for each in alone]
        return len(again) == len(passed) == ASKED_TO_BE_SURE and all(again + passed)

    def _in_two_steps(self, suspicion: Suspicion) -> bool:
        """Tell whether one culprit is found much sooner than all, and by halving: not where chance plays a part."""
        return len(self._work.others(suspicion.test)) > FEW_TESTS and suspicion.rate == 1

    def _look_for_cleaners(self, accused: Sequence[Suspicion]) -> None:
        # Of one that fails now and then, anybody that comes before a pass would look as if he helped.
        victims = [
            each
            for each in accused
            if each.kind is Instability.VICTIM and each.culprits and each.rate == 1
        ]
        for victim in self._in_time(victims, "who would make good what the culprits did to"):
            found = cleaners(
                self._work.others(victim.test), victim.culprits, self._passes_behind(victim)
            )
            self._work.book.accuse(replace(victim, cleaners=found))

    def _with_some_culprits(self, suspicion: Suspicion) -> Suspicion:
        """Name culprits soon: those who are to blame for other tests as well, else a minimal set."""
        likely = [test for test in self._work.blamed() if test != suspicion.test]
        sets = some_culprits(likely, _before(suspicion), self._turns_out(suspicion))
        if self._work.spent() and any(members[1:] for members in sets):
            return suspicion  # time ran out before the set was reduced
        return replace(suspicion, culprits=sets)

    def _with_all_culprits(self, suspicion: Suspicion) -> Suspicion:
        """Name every test that is enough to make a victim fail, or a brittle test pass."""
        others, turns_out = self._work.others(suspicion.test), self._turns_out(suspicion)
        sets = all_culprits(others, _before(suspicion), turns_out, suspicion.culprits)
        if suspicion.rate < 1:
            sets = self._beyond_chance(suspicion, sets)
            if not sets and not self._work.spent():
                # Nobody makes it fail more often than it does by itself: then it is chance after all.
                return replace(suspicion, kind=Instability.NON_DETERMINISTIC)
        if self._work.spent() and any(members[1:] for members in sets):
            return suspicion  # as above
        return replace(suspicion, culprits=sets)

    def _turns_out(self, suspicion: Suspicion) -> HoldsBehind:
        """Ask behind which tests a victim fails, or a brittle test passes."""
        if suspicion.kind is Instability.BRITTLE:
            return self._passes_behind(suspicion)

        def fails_behind(beginnings: Sequence[tuple[str, ...]]) -> list[bool]:
            shown = self._behind(suspicion, beginnings, often_enough(suspicion.rate))
            return [any(matches(suspicion, each) for each in outcomes) for outcomes in shown]

        return fails_behind

    def _passes_behind(self, suspicion: Suspicion) -> HoldsBehind:
        def passes_behind(beginnings: Sequence[tuple[str, ...]]) -> list[bool]:
            return [
                any(each.came_through for each in outcomes)
                for outcomes in self._behind(suspicion, beginnings, 1)
            ]

        return passes_behind

    def _beyond_chance(
        self, suspicion: Suspicion, sets: tuple[tuple[str, ...], ...]
    ) -> tuple[tuple[str, ...], ...]:
        """Keep the culprits behind which the test fails more often than a test that fails by chance also alone."""
        shown = self._behind(suspicion, sets, ASKED_AGAIN)
        failures = [sum(matches(suspicion, each) for each in outcomes) for outcomes in shown]
        return tuple(
            members
            for members, failed, outcomes in zip(sets, failures, shown, strict=True)
            if failed
            and chance_of_one_side(failed, len(outcomes), suspicion.passed_first) < VERY_SIGNIFICANT
        )

    def _behind(
        self,
        suspicion: Suspicion,
        beginnings: Sequence[tuple[str, ...]],
        times: int,
    ) -> list[list[Outcome]]:
        """Run the test so often behind each beginning, and give what it did; nothing more once the budget is spent.

        A run that shows a failure not seen so far is kept.
        """
        probes = [
            Experiment(
                label=f"probe {next(self._probes)}: {suspicion.test} behind {behind}",
                kind=Kind.REPLAY,
                tests=(*beginning, suspicion.test),
                hash_seed=suspicion.example.experiment.hash_seed,
            )
            for beginning in beginnings
            for behind in (beginning[-1] if beginning else "nothing",)
        ]
        asked = probes * times
        self._work.terminal.begin(f"looking for the culprits of {suspicion.test}", len(asked))
        shown: dict[str, list[Outcome]] = {probe.label: [] for probe in probes}
        for batch in paced(asked, self._work.jobs):
            if self._work.spent():
                self._work.book.left_out(f"some of the search for the culprits of {suspicion.test}")
                break
            for run in self._work.labs.quick.at_once(self._work.jobs).run(batch):
                self._work.terminal.over(run)
                if self._work.overdue:
                    break
                own = [o for o in run.outcomes if o.test == suspicion.test]
                shown[run.experiment.label] += own[-1:]
                new = {failure_of(outcome) for outcome in own if outcome.bad}
                if new - self._seen:
                    self._seen |= new
                    beside = replace(run.experiment, concurrent=self._work.jobs > 1)
                    self._work.book.runs.append(replace(run, experiment=beside))
        return [shown[probe.label] for probe in probes]


def _may_have_culprits(suspicion: Suspicion) -> bool:
    """Tell whether others may be to blame: it depends on order, or it crashed or hung, and never as the first."""
    deadly = suspicion.kind in DEADLY and suspicion.passed_first > 0
    return suspicion.kind in DEPENDENT or (deadly and suspicion.test != SESSION)


def _is_worth_a_further_look(suspicion: Suspicion) -> bool:
    """Tell whether it is worth a further look: not a crash or hang that turned out to have no culprit."""
    return bool(suspicion.culprits) or suspicion.kind not in DEADLY


def _before(suspicion: Suspicion) -> tuple[str, ...]:
    """List what ran before the test where it turned out as it does behind its culprits: a brittle test passed."""
    brittle = suspicion.kind is Instability.BRITTLE
    order = ((brittle and suspicion.opposite) or suspicion.example).order
    return order[: order.index(suspicion.test)] if suspicion.test in order else order
