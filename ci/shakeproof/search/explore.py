"""The experiments that bring failures to light, those first that show most."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from shakeproof import evidence, orders
from shakeproof.model import Kind, Status
from shakeproof.report import phrases
from shakeproof.search.work import Thing, paced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shakeproof.model import Experiment, Run
    from shakeproof.search.work import Work

FEWEST_SHUFFLES, MOST_SHUFFLES = 5, 100  # where their number is open
FEW_UNSEEN = 0.5  # estimated unstable tests still unseen, below which nothing more is shuffled
# Of the budget, where there is more to do: who is to blame is worth as much as one more victim, and so is what tests
# take for granted.
EXPLORING_SHARE = 0.6
WORTH_LEAVING = (
    3  # plain runs that have to fit into the rest: where fewer do, nothing is left for them
)
MOST_SET_ASIDE = 20
COPIES = "of two copies at once"
COPIES_AGAIN = 2  # times, where that makes a test fail
DEADLY = frozenset({Status.CRASHED, Status.HUNG})


class Explorer:
    """Runs the suite in many ways, and keeps each run. `leaves_time`: the suite will be run in other ways as well."""

    def __init__(self, work: Work, *, leaves_time: bool) -> None:
        self._work = work
        self._leaves_time = leaves_time

    def begin(self, repeat: int) -> None:
        """Run the declared order once for each job.

        A test that ends the process, or does not end itself, would keep all behind it from having their turn: it is
        tried once among the others, then set aside.
        """
        what = "in the declared order"
        plan = orders.comparison(repeat=repeat, seeds=(), parallel=False)[: self._work.jobs]
        made = last = self._try(what, plan)
        while (deadly := _deadly(last)) and len(self._work.set_aside) < MOST_SET_ASIDE:
            self._work.set_aside += deadly
            without = replace(plan[0], label=f"{plan[0].label} without {deadly[0]}")
            last = self._try(what, [self._work.without_deadly(without)])
            made += last
        self._say(what, made)

    def repeated(self, repeat: int) -> None:
        """Repeat the declared order as often as asked; behind the orders that show more than chance."""
        what = "in the declared order again"
        plan = orders.comparison(repeat=repeat, seeds=(), parallel=False)[self._work.jobs :]
        self._say(what, self._try(what, [self._work.without_deadly(each) for each in plan]))

    def shuffled(self, seeds: int | None, master_seed: int) -> None:
        """Shuffle as often as asked; if that is open, until few unstable tests are likely to be left unseen."""
        drawn = orders.shuffle_seeds(MOST_SHUFFLES if seeds is None else seeds, master_seed)
        shuffles = orders.reordered(self._work.sound, drawn)
        plan = itertools.chain([orders.backwards(self._work.sound)], shuffles)
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
        sound = self._work.sound
        plans = (
            ("of one test alone", [orders.alone(test, 1)[0] for test in self._work.tests]),
            ("of one test twice in a row", [orders.twice(test) for test in sound]),
        )
        for what, plan in plans:
            self._say(what, self._try(what, plan))

    def copies(self) -> None:
        """Run two copies of the suite at the same time, and again where a test fails that never did before.

        Who is first in a meeting of two is chance: one such meeting is not enough to tell it from a test that fails by
        chance anyway.
        """
        known = {test for test, _ in self._work.failures_seen()}
        made: list[Run] = []
        for again in range(1 + COPIES_AGAIN):
            copies = [self._work.without_deadly(each) for each in orders.copies(again)]
            made += self._try(COPIES, copies, at_once=len(copies))
            if not {o.test for run in made for o in run.outcomes if o.bad} - known:
                break
        self._say(COPIES, made)

    def _caught(self) -> Counter[str]:
        """Count, by test that failed in some shuffles and not in others, the shuffles that caught it."""
        runs = [run for run in self._work.book.runs if run.experiment.kind is Kind.SHUFFLED]
        failures = Counter(o.test for run in runs for o in run.outcomes if o.bad)
        return Counter({test: n for test, n in failures.items() if n < len(runs)})

    @property
    def _exploring_share(self) -> float:
        """How much of the budget is for finding failures: not all, where there are some to be looked into."""
        runs = self._work.book.runs
        rest = (1 - EXPLORING_SHARE) * self._work.budget
        fit = runs and WORTH_LEAVING * runs[0].seconds < rest
        more = (self._leaves_time and fit) or any(run.exit_status for run in runs)
        return EXPLORING_SHARE if more else 1.0

    def _try(
        self, what: str, experiments: Sequence[Experiment], at_once: int | None = None
    ) -> list[Run]:
        """Make these runs side by side, as far as the budget goes, and keep count of what it did not reach."""
        jobs = at_once or self._work.jobs
        made: list[Run] = []
        beside = (replace(each, concurrent=jobs > 1 < len(experiments)) for each in experiments)
        self._work.terminal.begin(what, len(experiments))
        for batch in paced(beside, jobs):
            if self._work.book.runs and self._work.spent(self._exploring_share):
                break
            for run in self._work.labs.quick.at_once(jobs).run(batch):
                self._work.terminal.made(run)
                self._work.book.runs.append(run)
                made.append(run)
                if self._work.overdue:
                    break
        if left := len(experiments) - len(made):
            self._work.book.left_out(f"{phrases.plural(left, 'more run')} {what}")
        return made

    def _say(self, what: str, made: Sequence[Run]) -> None:
        if not made:
            return
        failures = sum(outcome.bad for run in made for outcome in run.outcomes)
        runs = f"{phrases.plural(len(made), 'run')} {what}"
        self._work.terminal.say(f"  {runs}: {phrases.plural(failures, 'failure')}")


def _deadly(runs: Iterable[Run]) -> tuple[str, ...]:
    """Name the tests at which a run came to its end."""
    return tuple(dict.fromkeys(o.test for run in runs for o in run.outcomes if o.status in DEADLY))


def _batches(things: Iterable[Thing], size: int) -> Iterator[tuple[Thing, ...]]:
    rest = iter(things)
    while batch := tuple(itertools.islice(rest, size)):
        yield batch
