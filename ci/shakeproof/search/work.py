"""What all stages of a search share: the laboratories, the tests, what is known, and how much time is left."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from shakeproof.messages import reason
from shakeproof.model import Instability

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shakeproof.casebook import Casebook
    from shakeproof.lab.base import Lab, Target
    from shakeproof.model import Experiment, Outcome
    from shakeproof.report.terminal import Terminal

LOOK_SECONDS = 5.0  # about so long the laboratory is kept busy between two looks at the clock
FASTER = 8  # times as many runs as the last time are handed to it at most
Thing = TypeVar("Thing")
Failure = tuple[str, str]  # which test failed, and for which reason


@dataclass(frozen=True, slots=True)
class Labs:
    """Where runs are made."""

    quick: Lab  # forks, where that is safe
    fresh: Lab  # a process for each run, which collects anew
    target: Target


@dataclass(slots=True)
class Work:
    """One search."""

    labs: Labs
    tests: tuple[str, ...]
    book: Casebook
    terminal: Terminal
    jobs: int
    budget: float  # seconds
    set_aside: tuple[str, ...] = field(default=())  # tests that would keep others from their runs

    @property
    def sound(self) -> tuple[str, ...]:
        """The tests that can be run among others."""
        return tuple(test for test in self.tests if test not in self.set_aside)

    def without_deadly(self, experiment: Experiment) -> Experiment:
        """Have a run of the whole suite leave out the tests that are set aside."""
        return replace(experiment, tests=self.sound) if self.set_aside else experiment

    def others(self, test: str) -> tuple[str, ...]:
        """List all tests but one."""
        return tuple(other for other in self.sound if other != test)

    def spent(self, share: float = 1.0) -> bool:
        """Tell whether so much of the budget is used up."""
        return time.monotonic() > self.book.begun + share * self.budget

    @property
    def remaining(self) -> float:
        """How much of the budget is left, in seconds."""
        return max(0.0, self.book.begun + self.budget - time.monotonic())

    @property
    def overdue(self) -> bool:
        """Whether even what is under way should stop: tests that hang would go on and on."""
        return time.monotonic() > self.book.begun + self.budget + LOOK_SECONDS

    def blamed(self) -> tuple[str, ...]:
        """List the tests that are to blame for others, as far as that is known."""
        known = (self.book.recalled(each) or each for each in self.book.suspicions)
        sets = (
            members
            for each in known
            if each.kind is not Instability.PARALLEL_UNSAFE  # beside which it fails, not behind
            for members in each.culprits
        )
        return tuple(dict.fromkeys(test for members in sets for test in members))

    def failures_seen(self) -> set[Failure]:
        """List every test that has failed, with each of its reasons."""
        return {failure_of(o) for run in self.book.runs for o in run.outcomes if o.bad}


def failure_of(outcome: Outcome) -> Failure:
    """Say which test failed and why."""
    return outcome.test, reason(outcome.message)


def paced(things: Iterable[Thing], at_once: int) -> Iterator[tuple[Thing, ...]]:
    """Hand out what is to be done, each time as much as takes a few seconds, going by how long the last took."""
    rest = iter(things)
    size = at_once
    while some := tuple(itertools.islice(rest, size)):
        begun = time.monotonic()
        yield some
        rounds = len(some) / at_once * LOOK_SECONDS / max(time.monotonic() - begun, 0.001)
        size = at_once * max(1, min(int(rounds), FASTER * size // at_once))
