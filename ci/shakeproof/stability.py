"""The command `stability`: find every unstable test, name what makes it so, and confirm it in a fresh process."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shakeproof import evidence, orders
from shakeproof.casebook import Casebook, Setting, conclude, confirm_all
from shakeproof.errors import ShakeproofError
from shakeproof.investigate.classify import classify
from shakeproof.investigate.confirm import matches
from shakeproof.investigate.culprits import of_brittle, of_victim
from shakeproof.investigate.follow_up import follow_ups
from shakeproof.lab.fork import ForkLab, ForkUnsafeError
from shakeproof.lab.fresh import FreshLab
from shakeproof.lab.probe import check_collected, check_target
from shakeproof.model import Experiment, Instability, Kind
from shakeproof.report import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shakeproof.lab.base import Lab
    from shakeproof.model import Report, Run, Suspicion
    from shakeproof.report.terminal import Terminal

FEWEST_SHUFFLES, MOST_SHUFFLES = 5, 100
FEW_UNSEEN = (
    0.5  # estimated unstable tests still unseen, below which `--seeds auto` stops shuffling
)
BATCH = 25  # runs for each job between two looks at the clock
DEPENDENT = frozenset({Instability.VICTIM, Instability.BRITTLE})
DEAR_COLLECTION = (
    5.0  # seconds; a suite that takes longer to collect is collected for two hash seeds only
)


@dataclass(frozen=True, slots=True)
class Question:
    """How hard to look."""

    setting: Setting
    repeat: int
    seeds: int | None  # shuffles; None: as many as it takes
    budget: float  # seconds, after which no new experiment is begun
    runner: str  # "auto", "fork" or "fresh"


def stability(question: Question, terminal: Terminal) -> Report:
    """Try the orders that expose most first, settle what differs, name culprits, confirm, and write the report.

    Interrupted at any point it writes the report of what was seen until then. Raises ShakeproofError for a target, an
    argument or a report folder that cannot be used, and NothingToJudgeError where no tests are found.
    """
    setting = question.setting
    check_target(setting.target)
    setting.prepare()
    book = Casebook()
    judge = FreshLab(setting.target, setting.out / "logs", terminal.progress)
    with book.kept():
        terminal.say(f"seed: {setting.master_seed}")
        first = _look(judge)
        with _laboratory(question, judge, first, terminal) as lab:
            search = _Search(question, lab, first.collected, terminal, book)
            search.explore()
            search.settle()
            search.accuse()
        confirm_all(setting, judge, terminal, book)
    return conclude(setting, book)


def _look(judge: FreshLab) -> Run:
    """Collect once in a fresh process, and see that there is something to judge."""
    looking = Experiment("collection", Kind.DECLARED, options=("--collect-only", "-q"))
    (first,) = judge.run([looking])
    check_collected(first)
    return first


@contextmanager
def _laboratory(
    question: Question, judge: FreshLab, first: Run, terminal: Terminal
) -> Iterator[Lab]:
    """Open the fork laboratory where the suite can be forked, else say why it takes longer in fresh processes."""
    setting = question.setting
    dear = first.collection_seconds > DEAR_COLLECTION
    hash_seeds = orders.HASH_SEEDS[: 2 if dear else max(1, min(question.repeat, 6))]
    if question.runner != "fresh":
        try:
            with ForkLab(
                setting.target,
                setting.out / "logs",
                terminal.progress,
                jobs=setting.jobs,
                hash_seeds=hash_seeds,
            ) as lab:
                yield lab
                return
        except ForkUnsafeError as error:
            if question.runner == "fork":
                raise ShakeproofError(
                    f"The suite cannot be forked: {error}. Use --runner fresh, which takes longer."
                ) from error
            terminal.say(f"fresh processes, which take longer: {error}")
    yield judge


class _Search:
    """One investigation in a laboratory."""

    def __init__(
        self,
        question: Question,
        lab: Lab,
        tests: tuple[str, ...],
        terminal: Terminal,
        book: Casebook,
    ) -> None:
        self._question = question
        self._jobs = question.setting.jobs
        self._lab = lab
        self._tests = tests
        self._terminal = terminal
        self._book = book
        self._deadline = book.begun + question.budget

    def explore(self) -> None:
        """Try orders, those that expose most first."""
        declared = orders.comparison(repeat=self._question.repeat, seeds=(), parallel=False)
        self._try("in the declared order", declared)
        self._shuffle()
        self._try("reversed", [orders.backwards(self._tests)])
        self._try("of one test alone", [orders.alone(test, 1)[0] for test in self._tests])
        self._try("of one test twice in a row", [orders.twice(test) for test in self._tests])

    def _shuffle(self) -> None:
        """Shuffle as often as asked; if that is open, until few unstable tests are likely to be left unseen."""
        seeds = orders.shuffle_seeds(MOST_SHUFFLES, self._question.setting.master_seed)
        wanted = self._question.seeds
        plan = orders.reordered(self._tests, seeds[:wanted])
        tried = 0
        while tried < len(plan):
            self._try("shuffled", plan[tried : tried + FEWEST_SHUFFLES])
            tried += FEWEST_SHUFFLES
            if wanted is None and evidence.unseen(self._caught(), len(seeds[:tried])) < FEW_UNSEEN:
                break

    def _caught(self) -> Counter[str]:
        """Count, by test that failed in some shuffles and not in others, the shuffles that caught it."""
        runs = [run for run in self._book.runs if run.experiment.kind is Kind.SHUFFLED]
        failures = Counter(o.test for run in runs for o in run.outcomes if o.bad)
        return Counter({test: n for test, n in failures.items() if n < len(runs)})

    def _try(self, what: str, experiments: Sequence[Experiment]) -> None:
        """Make these runs side by side, as far as the budget goes, and keep count of what it did not reach."""
        made = 0
        beside = (replace(each, concurrent=self._jobs > 1) for each in experiments)
        for batch in _batches(beside, self._jobs * BATCH):
            if self._book.runs and time.monotonic() > self._deadline:
                left = len(experiments) - made
                self._book.incomplete.append(f"{left:,} of {len(experiments):,} runs {what}")
                break
            self._book.runs += self._lab.at_once(self._jobs).run(batch)
            made += len(batch)
        new = self._book.runs[len(self._book.runs) - made :]
        failures = sum(outcome.bad for run in new for outcome in run.outcomes)
        self._terminal.say(
            f"  {words.plural(made, 'run')} {what}: {words.plural(failures, 'failure')}"
        )

    def settle(self) -> None:
        """Make the runs that tell the kinds apart, one at a time, until no further one would change anything."""
        book = self._book
        book.suspicions = classify(book.runs)
        while further := follow_ups(book.suspicions, book.runs):
            if time.monotonic() > self._deadline:
                book.incomplete.append(f"{len(further):,} runs that would settle what differs")
                return
            book.runs += self._lab.at_once(1).run(further)
            book.suspicions = classify(book.runs)

    def accuse(self) -> None:
        """Name the culprits of every test that depends on order, as far as the budget goes."""
        book = self._book
        dependent = [each for each in book.suspicions if each.kind in DEPENDENT]
        if dependent:
            self._terminal.say(
                f"  looking for the culprits of {words.plural(len(dependent), 'test')}"
            )
        book.suspicions = tuple(self._accused(suspicion) for suspicion in book.suspicions)
        open_ones = sum(each.kind in DEPENDENT and not each.culprits for each in book.suspicions)
        if open_ones and time.monotonic() > self._deadline:
            book.incomplete.append(f"the culprits of {words.plural(open_ones, 'test')}")

    def _accused(self, suspicion: Suspicion) -> Suspicion:
        if suspicion.kind not in DEPENDENT or time.monotonic() > self._deadline:
            return suspicion
        others = [test for test in self._tests if test != suspicion.test]

        def fails_behind(beginnings: Sequence[tuple[str, ...]]) -> list[bool]:
            return self._fails_behind(suspicion, beginnings)

        if suspicion.kind is Instability.VICTIM:
            culprits = of_victim(others, _before(suspicion.test, suspicion.example), fails_behind)
        else:
            passing = suspicion.opposite or suspicion.example
            culprits = of_brittle(others, _before(suspicion.test, passing), fails_behind)
        return replace(suspicion, culprits=culprits.sets, cleaners=culprits.cleaners)

    def _fails_behind(
        self, suspicion: Suspicion, beginnings: Sequence[tuple[str, ...]]
    ) -> list[bool]:
        """Ask the laboratory whether the test fails behind each beginning."""
        probes = [
            Experiment(
                label=f"probe {number} of {suspicion.test}",
                kind=Kind.REPLAY,
                tests=(*beginning, suspicion.test),
                hash_seed=suspicion.example.experiment.hash_seed,
            )
            for number, beginning in enumerate(beginnings)
        ]
        fails = {
            run.experiment.label: any(
                outcome.test == suspicion.test and matches(suspicion, outcome)
                for outcome in run.outcomes
            )
            for run in self._lab.at_once(self._jobs).run(probes)
        }
        return [fails[probe.label] for probe in probes]


def _before(test: str, run: Run) -> tuple[str, ...]:
    """List what ran before a test."""
    return run.order[: run.order.index(test)] if test in run.order else run.order


def _batches(experiments: Iterable[Experiment], size: int) -> Iterator[tuple[Experiment, ...]]:
    rest = iter(experiments)
    while batch := tuple(itertools.islice(rest, size)):
        yield batch
