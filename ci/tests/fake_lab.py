"""A laboratory that makes no run: it tells what a test wants it to tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shakeproof.model import Experiment, Run


@dataclass(frozen=True)
class FakeLab:
    """Answers each experiment with what a function makes of it, one after the other."""

    answer: Callable[[Experiment], Run]

    def at_once(self, _jobs: int) -> FakeLab:
        return self

    def run(self, experiments: Sequence[Experiment]) -> Iterator[Run]:
        return map(self.answer, experiments)
