"""The search for unstable tests in a laboratory: which orders are tried when, until the budget is spent."""

from __future__ import annotations

import itertools
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from shakeproof import evidence, orders
from shakeproof.investigate.causes import Answer, causes
from shakeproof.investigate.classify import (
    DEPENDENT,
    VERY_SIGNIFICANT,
    chance_of_one_side,
)
from shakeproof.investigate.confirm import matches, often_enough
from shakeproof.investigate.culprits import all_culprits, cleaners, some_culprits
from shakeproof.investigate.follow_up import follow_ups
from shakeproof.investigate.imports import (
    collecting,
    culprits_of_import,
    files_of,
    may_be_import_polluted,
)
from shakeproof.lab.fork import ForkLab
from shakeproof.messages import reason
from shakeproof.model import Experiment, Instability, Kind, Status
from shakeproof.report import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from shakeproof.casebook import Casebook
    from shakeproof.investigate.causes import Ask
    from shakeproof.investigate.culprits import HoldsBehind
    from shakeproof.lab.base import Lab, Target
    from shakeproof.model import Outcome, Restoring, Run, Suspicion
    from shakeproof.report.terminal import Terminal

FEWEST_SHUFFLES, MOST_SHUFFLES = 5, 100  # where their number is open
FEW_UNSEEN = 0.5  # estimated unstable tests still unseen, below which nothing more is shuffled
PAIRS_SHARE = 0.8  # of the budget: what pairs bring to light has to be looked into as well
EXPLORING_SHARE = (
    0.6  # of the budget, where tests fail: who is to blame is worth as much as one more victim
)
SETTLING_SHARE = (
    0.25  # of the budget, added where needed: the wrong kind would be worse than a late one
)
PATIENCE_SHARE = 0.1  # of the budget, for one test that fails now and then
LOOK_SECONDS = 5.0  # about so long the laboratory is kept busy between two looks at the clock
FASTER = 8  # times as many runs as the last time are handed to it at most
SAME_PAIRS = 3  # pairs in which one test did as never before: they are run again, each by itself
MOST_SET_ASIDE = 20
MOST_OPEN = 10_000  # suspicions that are followed up: here the budget sets the end
FEW_TESTS = (
    50  # of which each may be asked whether it is to blame, before there is anything to go by
)
MOST_EXPLAINED = 5  # sets of culprits of one test
ASKED_AGAIN = 40  # times, behind somebody accused of an intermittent victim
DEADLY = frozenset({Status.CRASHED, Status.HUNG})
Thing = TypeVar("Thing")
Failure = tuple[str, str]  # which test failed, and for which reason


@dataclass(frozen=True, slots=True)
class Labs:
    """Where runs are made."""

    quick: Lab  # forks, where that is safe
    fresh: Lab  # a process for each run, which collects anew
    target: Target


class Search:
    """One investigation: its stages in the order in which they are carried out."""

    def __init__(
        self,
        labs: Labs,
        tests: tuple[str, ...],
        book: Casebook,
        terminal: Terminal,
        *,
        jobs: int,
        budget: float,
    ) -> None:
        self._lab = labs.quick
        self._fresh = labs.fresh
        self._target = labs.target
        self._tests = tests
        self._book = book
        self._terminal = terminal
        self._jobs = jobs
        self._budget = budget
        self._set_aside: tuple[str, ...] = ()
        self._probes = itertools.count(1)
        self._seen: set[Failure] = set()  # when culprits began to be looked for, and since

    def begin(self, repeat: int) -> None:
        """Run the declared order once for each job.

        A test that ends the process, or does not end itself, would keep all behind it from having their turn: it is
        tried once among the others, then set aside.
        """
        what = "in the declared order"
        plan = orders.comparison(repeat=repeat, seeds=(), parallel=False)[: self._jobs]
        made = last = self._try(what, plan)
        while (deadly := _deadly(last)) and len(self._set_aside) < MOST_SET_ASIDE:
            self._set_aside += deadly
            without = replace(plan[0], label=f"{plan[0].label} without {deadly[0]}")
            last = self._try(what, [self._without_deadly(without)])
            made += last
        self._say(what, made)

    def repeated(self, repeat: int) -> None:
        """Repeat the declared order as often as asked; behind the orders that show more than chance."""
        what = "in the declared order again"
        plan = orders.comparison(repeat=repeat, seeds=(), parallel=False)[self._jobs :]
        self._say(what, self._try(what, [self._without_deadly(each) for each in plan]))

    def shuffled(self, seeds: int | None, master_seed: int) -> None:
        """Shuffle as often as asked; if that is open, until few unstable tests are likely to be left unseen."""
        drawn = orders.shuffle_seeds(MOST_SHUFFLES if seeds is None else seeds, master_seed)
        shuffles = orders.reordered(self._sound, drawn)
        plan = itertools.chain([orders.backwards(self._sound)], shuffles)
        size = 1 + (FEWEST_SHUFFLES if seeds is None else len(drawn))
        made: list[Run] = []
        for batch in _batches(plan, size):
            new = self._try("reversed or shuffled", batch)
            made += new
            spent = len(new) < len(batch)
            if spent or evidence.unseen(self._caught(), len(made)) < FEW_UNSEEN:
                break
        self._say("reversed or shuffled", made)

    def otherwise(self) -> None:
        """Try what shuffles seldom show: each test alone, and each twice in a row."""
        sound = self._sound
        plans = (
            ("of one test alone", [orders.alone(test, 1)[0] for test in self._tests]),
            ("of one test twice in a row", [orders.twice(test) for test in sound]),
        )
        for what, plan in plans:
            self._say(what, self._try(what, plan))

    def copies(self) -> None:
        """Run two copies of the suite at the same time."""
        copies = [self._without_deadly(each) for each in orders.copies()]
        what = "of two copies at once"
        self._say(what, self._try(what, copies, at_once=len(copies)))

    def settle(self) -> None:
        """Make the runs that tell the kinds apart, one at a time, until no further one would change anything."""
        book, patience = self._book, PATIENCE_SHARE * self._budget
        book.suspicions = book.judge()
        while further := follow_ups(book.suspicions, book.runs, patience=patience, most=MOST_OPEN):
            self._terminal.begin("settling what differs", len(further))
            left = len(further)
            for batch in _paced(further, 1):
                if self._spent(1 + SETTLING_SHARE):
                    book.left_out(f"{left:,} runs that would settle what differs")
                    break
                for run in self._lab.at_once(1).run(batch):
                    self._terminal.made(run)
                    book.runs.append(run)
                left -= len(batch)
            book.suspicions = book.judge()
            if left:
                return

    def imports(self) -> None:
        """Look, of tests that fail in every run, for those that pass where fewer files are collected.

        What is done while a file is imported is there in every fork. Only processes that collect less are without it.
        """
        book = self._book
        broken = [each for each in book.suspicions if may_be_import_polluted(each)]
        for number, suspicion in enumerate(broken):
            if self._spent():
                left = words.plural(len(broken) - number, "failing test")
                book.left_out(f"collecting the file of {left} without the others")
                break
            own, *_ = suspicion.test.partition("::")
            files = tuple(file for file in files_of(suspicion.example) if file != own)

            def fails_beside(
                sets: Sequence[tuple[str, ...]], suspicion: Suspicion = suspicion
            ) -> list[bool]:
                return [passed is False for passed in self._beside(suspicion, sets)]

            # It must fail in a fresh process as well: else it is the laboratory in which it does.
            if self._beside(suspicion, [(), files]) == [True, False]:
                self._terminal.say(f"  collected without the other files, {suspicion.test} passes")
                found = culprits_of_import(files, fails_beside)
                book.accuse(replace(suspicion, kind=Instability.IMPORT_POLLUTED, culprits=found))
        book.suspicions = book.suspected()

    def _beside(self, suspicion: Suspicion, sets: Sequence[tuple[str, ...]]) -> list[bool | None]:
        """Tell for each set of files whether the test comes through where they are collected besides its own."""
        asked = [collecting(suspicion, beside, self._target) for beside in sets]
        self._terminal.begin(f"collecting {suspicion.test} with other files", len(asked))
        shown: dict[str, bool | None] = {}
        for batch in _paced(asked, self._jobs):
            if self._spent() and len(asked) > 1:
                self._book.left_out(
                    f"some of the search for the file that makes {suspicion.test} fail"
                )
                break
            for run in self._fresh.at_once(self._jobs).run(batch):
                self._terminal.over(run)
                turns = [each.came_through for each in run.outcomes if each.test == suspicion.test]
                shown[run.experiment.label] = turns[-1] if turns else None
        return [shown.get(each.label) for each in asked]

    def accuse(self) -> None:
        """Name the culprits of every test that depends on order, as far as the budget goes.

        Who looks for culprits may see the test fail for another reason than before: that is looked into as well.
        """
        runs = len(self._book.runs)
        self._accuse()
        if len(self._book.runs) > runs:
            self.settle()
            self._accuse()

    def _accuse(self) -> None:
        """Name one culprit of each, then all, then who would help: where time is short, nobody is left with none."""
        book = self._book
        self._seen = self._failures_seen()
        open_ones = [
            each for each in book.suspicions if each.kind in DEPENDENT and not book.recalled(each)
        ]
        for number, suspicion in enumerate(open_ones):
            if self._spent():
                book.left_out(f"the culprits of {words.plural(len(open_ones) - number, 'test')}")
                break
            at_first = (
                self._with_some_culprits
                if self._in_two_steps(suspicion)
                else self._with_all_culprits
            )
            book.accuse(at_first(suspicion))
        accused = [found for each in open_ones if (found := book.recalled(each))]
        halfway = [each for each in accused if self._in_two_steps(each)]
        for number, suspicion in enumerate(halfway):
            if self._spent():
                tests = words.plural(len(halfway) - number, "test")
                book.left_out(f"whether anything else is to blame as well for {tests}")
                break
            book.accuse(self._with_all_culprits(suspicion))
        self._look_for_cleaners([book.recalled(each) or each for each in accused])
        book.suspicions = book.suspected()

    def _in_two_steps(self, suspicion: Suspicion) -> bool:
        """Tell whether one culprit is found much sooner than all, and by halving: not where chance plays a part."""
        return len(self._others(suspicion)) > FEW_TESTS and suspicion.rate == 1

    def _look_for_cleaners(self, accused: Sequence[Suspicion]) -> None:
        # Of one that fails now and then, anybody that comes before a pass would look as if he helped.
        victims = [
            each
            for each in accused
            if each.kind is Instability.VICTIM and each.culprits and each.rate == 1
        ]
        for number, victim in enumerate(victims):
            if self._spent():
                left = words.plural(len(victims) - number, "victim")
                self._book.left_out(f"what would make {left} pass behind the culprits")
                break
            found = cleaners(self._others(victim), victim.culprits, self._passes_behind(victim))
            self._book.accuse(replace(victim, cleaners=found))

    def explain(self) -> None:
        """Find out what culprits leave behind that makes the difference: by putting it back, piece by piece."""
        lab, book = self._lab, self._book
        open_ones = [
            (each, members)
            for each in book.suspicions
            for members in each.culprits[:MOST_EXPLAINED]
            if each.kind in DEPENDENT and each.rate == 1
            if (each.test, each.reason, members) not in book.explained
        ]
        if open_ones and not isinstance(lab, ForkLab):
            book.left_out("what the culprits leave behind, which takes forks")
            return
        for number, (suspicion, members) in enumerate(open_ones):
            if self._spent() or not isinstance(lab, ForkLab):
                left = words.plural(len(open_ones) - number, "culprit")
                book.left_out(f"what {left} leave behind")
                break
            ask = self._restored(lab, suspicion, members)
            found = causes(ask, brittle=suspicion.kind is Instability.BRITTLE)
            book.explained[suspicion.test, suspicion.reason, members] = found
        book.suspicions = book.suspected()

    def _restored(self, lab: ForkLab, suspicion: Suspicion, members: tuple[str, ...]) -> Ask:
        stem = Experiment(
            f"behind {members[-1]}",
            Kind.REPLAY,
            tests=members,
            hash_seed=suspicion.example.experiment.hash_seed,
        )

        def ask(ways: Sequence[Restoring]) -> list[Answer]:
            self._terminal.begin(f"what makes {suspicion.test} depend on order", len(ways))
            shown: dict[Restoring, Answer] = {}
            for way, run in lab.at_once(self._jobs).restored(stem, (suspicion.test,), ways):
                self._terminal.over(run)
                turns = [each.came_through for each in run.outcomes]
                shown[way] = Answer(turns[-1] if turns else None, run.left)
            return [shown.get(way, Answer(None)) for way in ways]

        return ask

    def watch(self) -> None:
        """Run the declared order once more, and note what each test leaves behind, whether anybody minds or not."""
        lab, book = self._lab, self._book
        if not isinstance(lab, ForkLab) or self._spent():
            book.left_out("what tests leave behind that nobody minds")
            return
        self._terminal.begin("what tests leave behind", 1)
        watched = Experiment("watched", Kind.DECLARED, hash_seed=orders.HASH_SEEDS[0])
        for run in lab.at_once(1).watched(self._without_deadly(watched)):
            self._terminal.over(run)
            book.leaks = run.left
        tests = words.plural(len({each.by for each in book.leaks}), "test")
        pieces = words.plural(len({each.piece for each in book.leaks}), "piece")
        self._terminal.say(f"  1 run watched: {tests} left {pieces} of state changed")

    def pairs(self) -> None:
        """Run every test right behind every other, the most suspicious first, and look into what that brings to light.

        Only forks are cheap enough. Of the runs, those are kept in which the second test did otherwise than alone.
        """
        lab, book = self._lab, self._book
        if not isinstance(lab, ForkLab):
            book.left_out("pairs of tests, which take forks")
            return
        stems = orders.suspicious_first(self._sound, self._blamed())
        possible = len(stems) * (len(stems) - 1)
        self._terminal.begin("pairs of tests", possible)
        found = self._odd_pairs(lab, stems)
        book.runs += found
        if book.pairs < possible:
            book.left_out(f"{possible - book.pairs:,} of {possible:,} pairs of tests")
        if book.pairs:
            tests = words.plural(len({run.outcomes[-1].test for run in found}), "test")
            made = words.plural(book.pairs, "pair")
            self._terminal.say(f"  {made} of tests: {tests} did as never before")
        if found:
            self.settle()
            self.accuse()
            self.explain()

    def _odd_pairs(self, lab: ForkLab, stems: Sequence[str]) -> list[Run]:
        """Run the pairs as far as the budget goes, and give those in which the second test did as never before."""
        book = self._book
        expected = self._expected()
        found: defaultdict[str, list[Experiment]] = defaultdict(list)  # by the second test
        for batch in _paced(orders.pairs(stems), self._jobs):
            if self._spent(PAIRS_SHARE):
                break
            trees = orders.stems(batch, -(-len(batch) // self._jobs))
            for run in lab.at_once(self._jobs).behind(trees):
                self._terminal.over(run)
                if self._overdue:
                    break
                if len(run.outcomes) < 2:  # noqa: PLR2004  (not collected under this hash seed)
                    continue
                book.pairs += 1
                if not expected(run.outcomes[-1]):
                    found[run.outcomes[-1].test].append(run.experiment)
        # Behind one stem the endings may meet in what no fork has for itself - a file of the project, a process.
        doubted = [each for same in found.values() for each in same[:SAME_PAIRS]]
        again = lab.at_once(1).run(doubted)
        return [run for run in again if not expected(run.outcomes[-1])]

    def _expected(self) -> Callable[[Outcome], bool]:
        """Make the judge of what a test does behind another: who else brings about what is known is asked elsewhere."""
        runs = [run for run in self._book.runs if run.experiment.kind is Kind.ALONE]
        fail_alone = {run.outcomes[0].test for run in runs if run.outcomes and run.outcomes[0].bad}
        known = self._failures_seen()
        suspected = {each.test for each in self._book.suspicions}

        def is_expected(second: Outcome) -> bool:
            if second.test in fail_alone:
                return second.status is not Status.PASSED or second.test in suspected
            return not second.bad or _failure(second) in known

        return is_expected

    @property
    def _sound(self) -> tuple[str, ...]:
        return tuple(test for test in self._tests if test not in self._set_aside)

    def _without_deadly(self, experiment: Experiment) -> Experiment:
        return replace(experiment, tests=self._sound) if self._set_aside else experiment

    def _blamed(self) -> tuple[str, ...]:
        known = (self._book.recalled(each) or each for each in self._book.suspicions)
        sets = (members for each in known for members in each.culprits)
        return tuple(dict.fromkeys(test for members in sets for test in members))

    def _caught(self) -> Counter[str]:
        """Count, by test that failed in some shuffles and not in others, the shuffles that caught it."""
        runs = [run for run in self._book.runs if run.experiment.kind is Kind.SHUFFLED]
        failures = Counter(o.test for run in runs for o in run.outcomes if o.bad)
        return Counter({test: n for test, n in failures.items() if n < len(runs)})

    def _failures_seen(self) -> set[Failure]:
        return {_failure(o) for run in self._book.runs for o in run.outcomes if o.bad}

    def _spent(self, share: float = 1.0) -> bool:
        return time.monotonic() > self._book.begun + share * self._budget

    @property
    def _overdue(self) -> bool:
        """Whether even what is under way should stop: tests that hang would go on and on."""
        return time.monotonic() > self._book.begun + self._budget + LOOK_SECONDS

    @property
    def _exploring_share(self) -> float:
        """How much of the budget is for finding failures: not all, where there are some to be looked into."""
        return EXPLORING_SHARE if any(run.exit_status for run in self._book.runs) else 1.0

    def _try(
        self, what: str, experiments: Sequence[Experiment], at_once: int | None = None
    ) -> list[Run]:
        """Make these runs side by side, as far as the budget goes, and keep count of what it did not reach."""
        jobs = at_once or self._jobs
        made: list[Run] = []
        beside = (replace(each, concurrent=jobs > 1 < len(experiments)) for each in experiments)
        self._terminal.begin(what, len(experiments))
        for batch in _paced(beside, jobs):
            if self._book.runs and self._spent(self._exploring_share):
                break
            for run in self._lab.at_once(jobs).run(batch):
                self._terminal.made(run)
                self._book.runs.append(run)
                made.append(run)
                if self._overdue:
                    break
        if left := len(experiments) - len(made):
            self._book.left_out(f"{words.plural(left, 'more run')} {what}")
        return made

    def _say(self, what: str, made: Sequence[Run]) -> None:
        if not made:
            return
        failures = sum(outcome.bad for run in made for outcome in run.outcomes)
        runs = f"{words.plural(len(made), 'run')} {what}"
        self._terminal.say(f"  {runs}: {words.plural(failures, 'failure')}")

    def _with_some_culprits(self, suspicion: Suspicion) -> Suspicion:
        """Name culprits soon: those who are to blame for other tests as well, else a minimal set."""
        likely = [test for test in self._blamed() if test != suspicion.test]
        sets = some_culprits(likely, _before(suspicion), self._turns_out(suspicion))
        if self._spent() and any(members[1:] for members in sets):
            return suspicion  # time ran out before the set was reduced
        return replace(suspicion, culprits=sets)

    def _with_all_culprits(self, suspicion: Suspicion) -> Suspicion:
        """Name every test that is enough to make a victim fail, or a brittle test pass."""
        others, turns_out = self._others(suspicion), self._turns_out(suspicion)
        sets = all_culprits(others, _before(suspicion), turns_out, suspicion.culprits)
        if suspicion.rate < 1:
            sets = self._beyond_chance(suspicion, sets)
            if not sets and not self._spent():
                # Nobody makes it fail more often than it does by itself: then it is chance after all.
                return replace(suspicion, kind=Instability.NON_DETERMINISTIC)
        if self._spent() and any(members[1:] for members in sets):
            return suspicion  # as above
        return replace(suspicion, culprits=sets)

    def _others(self, suspicion: Suspicion) -> tuple[str, ...]:
        return tuple(test for test in self._sound if test != suspicion.test)

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
        self._terminal.begin(f"looking for the culprits of {suspicion.test}", len(asked))
        shown: dict[str, list[Outcome]] = {probe.label: [] for probe in probes}
        for batch in _paced(asked, self._jobs):
            if self._spent():
                self._book.left_out(f"some of the search for the culprits of {suspicion.test}")
                break
            for run in self._lab.at_once(self._jobs).run(batch):
                self._terminal.over(run)
                if self._overdue:
                    break
                own = [o for o in run.outcomes if o.test == suspicion.test]
                shown[run.experiment.label] += own[-1:]
                new = {_failure(outcome) for outcome in own if outcome.bad}
                if new - self._seen:
                    self._seen |= new
                    beside = replace(run.experiment, concurrent=self._jobs > 1)
                    self._book.runs.append(replace(run, experiment=beside))
        return [shown[probe.label] for probe in probes]


def _deadly(runs: Iterable[Run]) -> tuple[str, ...]:
    """Name the tests at which a run came to its end."""
    return tuple(dict.fromkeys(o.test for run in runs for o in run.outcomes if o.status in DEADLY))


def _failure(outcome: Outcome) -> Failure:
    """Say which test failed and why."""
    return outcome.test, reason(outcome.message)


def _before(suspicion: Suspicion) -> tuple[str, ...]:
    """List what ran before the test where it turned out as it does behind its culprits: a brittle test passed."""
    brittle = suspicion.kind is Instability.BRITTLE
    order = ((brittle and suspicion.opposite) or suspicion.example).order
    return order[: order.index(suspicion.test)] if suspicion.test in order else order


def _batches(things: Iterable[Thing], size: int) -> Iterator[tuple[Thing, ...]]:
    rest = iter(things)
    while batch := tuple(itertools.islice(rest, size)):
        yield batch


def _paced(things: Iterable[Thing], at_once: int) -> Iterator[tuple[Thing, ...]]:
    """Hand out what is to be done, each time as much as takes a few seconds, going by how long the last took."""
    rest = iter(things)
    size = at_once
    while some := tuple(itertools.islice(rest, size)):
        begun = time.monotonic()
        yield some
        rounds = len(some) / at_once * LOOK_SECONDS / max(time.monotonic() - begun, 0.001)
        size = at_once * max(1, min(int(rounds), FASTER * size // at_once))
