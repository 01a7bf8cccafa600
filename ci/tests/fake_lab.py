"""Laboratories that make no run: they tell what a test wants them to tell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from shakeproof.lab.fork import ForkLab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from shakeproof.model import Endings, Experiment, Restoring, Run


@dataclass(frozen=True)
class FakeLab:
    """Answers each experiment with what a function makes of it, one after the other."""

    answer: Callable[[Experiment], Run]

    def at_once(self, _jobs: int) -> FakeLab:
        return self

    def run(self, experiments: Sequence[Experiment]) -> Iterator[Run]:
        return map(self.answer, experiments)


class FakeForkLab(ForkLab):
    """The same for who asks for pairs, which take forks."""

    def __init__(self, answer: Callable[[Experiment], Run]) -> None:
        self._answer = answer  # and nothing else: no process is started

    def at_once(self, _jobs: int) -> Self:
        return self

    def run(self, experiments: Sequence[Experiment]) -> Iterator[Run]:
        return map(self._answer, experiments)

    def restored(self, *_: object) -> Iterator[tuple[Restoring, Run]]:
        return iter(())  # here nothing is left behind that could be put back

    def watched(self, experiment: Experiment) -> Iterator[Run]:
        return map(self._answer, [experiment])

    def behind(self, plan: Iterable[tuple[Experiment, Endings]]) -> Iterator[Run]:
        for experiment, endings in plan:
            for ending in endings:
                tests = (*(experiment.tests or ()), *ending)
                yield self._answer(replace(experiment, label=" then ".join(tests), tests=tests))
