"""Chores: what the service does by itself, now and then, beside answering requests.

A chore is a plain function that does a bounded step and can be called by itself. When a step is due
is the injected clock's to say; how to wait until then is a function as well, so that a test needs
neither time nor patience.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from backend.core.clock import Clock

SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 300.0

Wait = Callable[[float], Awaitable[object]]
"""Wait for so many seconds: `asyncio.sleep`, but in tests."""


def growing_pause(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row: 1, 2, 4 and so on, up to 300."""
    return min(SHORTEST_PAUSE * 2.0 ** min(failures - 1, 60), LONGEST_PAUSE)


@dataclass(frozen=True)
class Chore:
    """Something to be done every so often, a step at a time."""

    name: str
    every: timedelta
    step: Callable[[], bool]
    """Do a bounded part, in a thread; True when there is more to do right now."""


class Background:
    """The chores of one app, each a task of its own from `start` to `stop`."""

    def __init__(self, clock: Clock, chores: Sequence[Chore], wait: Wait = asyncio.sleep) -> None:
        self._clock = clock
        self._chores = tuple(chores)
        self._wait = wait
        self._stopping = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    def start(self) -> None:
        """Begin; each chore is first done once its interval has passed."""
        self._tasks = tuple(
            asyncio.create_task(self._attend(chore), name=chore.name) for chore in self._chores
        )

    async def stop(self) -> None:
        """End after the steps that are being done; stopping twice is harmless."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)

    async def _attend(self, chore: Chore) -> None:
        failures = 0
        due = self._clock.now() + chore.every
        while not self._stopping.is_set():
            now = self._clock.now()
            if now < due:
                await self._pause((due - now).total_seconds())
                continue
            try:
                more = await asyncio.to_thread(chore.step)
            except Exception:
                # Whatever it was, the service answers requests; the chore is tried again.
                failures += 1
                pause = growing_pause(failures)
                logging.getLogger(__name__).exception(
                    "The chore %r failed %d times in a row; it is tried again in %g s.",
                    chore.name,
                    failures,
                    pause,
                )
                due = now + timedelta(seconds=pause)
            else:
                failures = 0
                due = now if more else now + chore.every

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        ways = [
            asyncio.ensure_future(self._wait(seconds)),
            asyncio.ensure_future(self._stopping.wait()),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
            with suppress(asyncio.CancelledError):
                await way
