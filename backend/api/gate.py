"""How many questions are read at a time: the others wait where they keep no thread or connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backend.core.errors import DatabaseError

QUESTIONS = 2
"""They compute, and one interpreter does not compute faster in more threads; and one reads what the next one asks."""
PATIENCE = 10.0
"""Seconds: many times what all places together take, unless somebody keeps the database to himself."""


class Gate:
    """Lets some through at a time; the others wait in the event loop, and not for ever."""

    def __init__(self, what: str, places: int, patience: float = PATIENCE) -> None:
        self._what = what
        self._places = asyncio.Semaphore(places)
        self._patience = patience

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Keep a place during the `with` block; DatabaseError when none gets free in time."""
        try:
            async with asyncio.timeout(self._patience):
                await self._places.acquire()
        except TimeoutError:
            raise too_many(self._what, self._patience) from None
        try:
            yield
        finally:
            self._places.release()


def too_many(what: str, waited: float) -> DatabaseError:
    """Return what somebody is told who has waited so many seconds for nothing."""
    return DatabaseError(
        f"Too many {what} wait for the database: this one has waited {waited:g} s; send it again later."
    )
