"""What is under way in forks: a request, and what each process that was forked for it has told so far."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tempfile

    from shakeproof.lab.records import Record
    from shakeproof.lab.templates import Template
    from shakeproof.model import Experiment, Restoring

Place = tuple[int, ...]  # the request, then the ending


@dataclass(slots=True)
class Fork:
    """One place of a request: what its process has told so far."""

    experiment: Experiment
    tests: tuple[str, ...]
    record: Record
    last: str = ""  # the test before an ending
    way: Restoring | None = None  # what is put back before it
    process: int = 0
    begun: float = field(default_factory=time.monotonic)
    # By the lab's clock, when it began what it is doing: a test, or what comes between two.
    since: float = 0.0
    hung: bool = False
    status: int | None = None


@dataclass(slots=True)
class Request:
    """A tree under way."""

    template: Template
    folder: tempfile.TemporaryDirectory[str]
    stem: Fork
    endings: list[Fork]
    abandoned: bool = False  # nobody waits for it any more
    not_forked: bool = False  # behind its stem is something that no fork could have

    def at(self, place: Place) -> Fork:
        """Give the fork that speaks from there."""
        return self.stem if is_stem(place) else self.endings[place[1]]

    @property
    def forks(self) -> tuple[Fork, ...]:
        """All of its processes."""
        return self.stem, *self.endings

    def abandon(self) -> None:
        """Kill what runs of it: nobody waits any more."""
        self.abandoned = True
        for fork in self.forks:
            if fork.status is None:
                kill_group(fork.process)


def is_stem(place: Place) -> bool:
    """Tell the process that runs what comes first from those that are forked behind it."""
    return len(place) == 1


def kill_group(process: int) -> None:
    """Kill a fork and what it has started; nothing where it has not begun, or has ended."""
    if process:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process, signal.SIGKILL)
