"""What a laboratory does, whichever way it does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from shakeproof.model import Experiment, Run


@dataclass(frozen=True, slots=True)
class Target:
    """The project under test."""

    rootdir: Path
    python: str  # path of its interpreter
    pytest_arguments: tuple[str, ...] = ()  # the user's, as for `pytest`
    timeout: float = 60.0  # seconds a single test may take


class Lab(Protocol):
    """Runs experiments on a target."""

    def at_once(self, jobs: int) -> Lab:
        """Give the same laboratory with another number of runs at a time."""
        ...

    def run(self, experiments: Sequence[Experiment]) -> Iterator[Run]:
        """Yield what each experiment showed, as they end (not in the order given)."""
        ...
