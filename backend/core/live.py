"""Who listens to which segments, and how news of a commit reaches them.

Writers are threads; they only say which segments a commit has touched, and never wait. In the event
loop one reader at a time asks for the present estimates of all that was touched, and puts them into
the mailbox of each listener. So every estimate was read after the commit that caused it, estimates
come in the order in which they were read, and many commits between two readings cost one.

A mailbox holds one unread estimate per subscribed segment: the newest. That bounds it, and nobody
waits for a listener who does not read.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from backend.core.background import Wait, growing_pause
from backend.core.errors import BackendError, DatabaseError
from backend.core.rides import Segment

SEGMENTS_PER_READING = 500
SECONDS_TO_LEAVE = 3.0

Read = Callable[[Collection[Segment]], Awaitable[Mapping[Segment, str]]]
"""Return the present estimate of each segment, as the text that listeners are sent."""


class CrowdedError(BackendError):
    """There are as many listeners as there may be, in all or from one address."""


class Ending(Enum):
    """Why a connection is ended by the service."""

    GOING_AWAY = "going_away"
    GONE = "gone"
    """The other side has ended it already."""
    IDLE = "idle"
    MISTAKES = "mistakes"
    STUCK = "stuck"


class Mailbox:
    """What one listener has subscribed to and not read yet; used in the event loop alone."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.segments: set[Segment] = set()
        self.ending: Ending | None = None
        self._unread: dict[Segment, str] = {}
        self._news = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def unread(self) -> int:
        """How many estimates wait; never more than segments are subscribed."""
        return len(self._unread)

    def put(self, segment: Segment, text: str) -> None:
        """Leave an estimate, in the place of an older one; nothing if nobody asked for it any more."""
        if segment in self.segments:
            self._unread[segment] = text
            self._news.set()

    def forget(self, segment: Segment) -> None:
        """Stop listening to a segment, the unread estimate included."""
        self.segments.discard(segment)
        self._unread.pop(segment, None)

    def take(self) -> tuple[str, ...]:
        """Return all that is unread, and hold it no longer."""
        texts = tuple(self._unread.values())
        self._unread.clear()
        self._news.clear()
        return texts

    async def news(self) -> None:
        """Wait until there is something to take."""
        await self._news.wait()

    def end(self, why: Ending) -> None:
        """Say that the connection shall end; the first reason counts."""
        self.ending = self.ending or why
        self._ended.set()

    async def ended(self) -> None:
        """Wait until somebody has said that the connection shall end."""
        await self._ended.wait()


@dataclass(frozen=True)
class Crowd:
    """How many listeners there may be."""

    connections: int
    per_address: int
    segments: int
    """That one listener may be subscribed to."""


class Hub:
    """All listeners of one app; made inside the event loop that serves them.

    All but `touched` belongs into that loop.
    """

    def __init__(self, read: Read, crowd: Crowd, wait: Wait = asyncio.sleep) -> None:
        self.crowd = crowd
        self._read = read
        self._wait = wait
        self._loop = asyncio.get_running_loop()
        self._mailboxes: set[Mailbox] = set()
        self._listeners: dict[Segment, set[Mailbox]] = {}
        self._due: dict[Segment, set[Mailbox]] = {}
        self._work = asyncio.Event()
        self._changed = asyncio.Event()
        self._closing = False
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def connections(self) -> int:
        """How many listeners there are."""
        return len(self._mailboxes)

    @property
    def due(self) -> int:
        """How many segments are to be read."""
        return len(self._due)

    def start(self) -> None:
        """Begin to read and deliver by itself, until `close`."""
        self._task = self._loop.create_task(self._run(), name="live estimates")

    def join(self, address: str) -> Mailbox:
        """Return the mailbox of a new listener; CrowdedError when there are too many."""
        if len(self._mailboxes) >= self.crowd.connections:
            raise CrowdedError(
                f"The service keeps {self.crowd.connections} connections, and all are taken; try again later."
            )
        if Counter(box.address for box in self._mailboxes)[address] >= self.crowd.per_address:
            raise CrowdedError(
                f"Your address has {self.crowd.per_address} connections already; close one of them first."
            )
        mailbox = Mailbox(address)
        self._mailboxes.add(mailbox)
        if self._closing:
            mailbox.end(Ending.GOING_AWAY)
        return mailbox

    def leave(self, mailbox: Mailbox) -> None:
        """Forget a listener."""
        self.unsubscribe(mailbox, tuple(mailbox.segments))
        self._mailboxes.discard(mailbox)
        self._changed.set()

    def subscribe(self, mailbox: Mailbox, segments: Iterable[Segment]) -> None:
        """Let a listener have the present estimate of these segments, and an update after each change."""
        for segment in segments:
            mailbox.segments.add(segment)
            self._listeners.setdefault(segment, set()).add(mailbox)
            self._due.setdefault(segment, set()).add(mailbox)
        self._work.set()

    def unsubscribe(self, mailbox: Mailbox, segments: Iterable[Segment]) -> None:
        """Let a listener have no more of these segments."""
        for segment in segments:
            mailbox.forget(segment)
            for places in (self._listeners, self._due):
                if segment in places:
                    places[segment].discard(mailbox)
                    if not places[segment]:
                        del places[segment]

    def touched(self, segments: Collection[Segment] | None = None) -> None:
        """Say, from any thread and after the commit, which segments it touched; None says all.

        Returns at once. Where nobody listens there is nothing to do: who subscribes meanwhile reads
        what is committed already.
        """
        if self._listeners:
            # The loop is closed when the service has ended; what was committed stays committed.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._mark, segments)

    async def step(self) -> bool:
        """Read and deliver once, if anything is due; False when that failed, and all is due still."""
        segments = tuple(self._due)[:SEGMENTS_PER_READING]
        if not segments:
            return True
        due = {segment: self._due.pop(segment) for segment in segments}
        try:
            texts = await self._read(segments)
            news = [(segment, box, texts[segment]) for segment in due for box in due[segment]]
        except Exception as problem:  # whatever it was, it is tried again
            foreseen = isinstance(problem, DatabaseError)
            logging.getLogger(__name__).log(
                logging.WARNING if foreseen else logging.ERROR,
                "No live estimates at the moment: %s",
                problem,
                exc_info=None if foreseen else problem,
            )
            for segment, boxes in due.items():
                # Whoever has unsubscribed meanwhile is not put back.
                still = {box for box in boxes if segment in box.segments}
                if still:
                    self._due.setdefault(segment, set()).update(still)
            return False
        for segment, box, text in news:
            box.put(segment, text)
        return True

    async def close(self) -> None:
        """End every connection, and wait a moment until all have left; closing twice is harmless."""
        self._closing = True
        self._work.set()
        for mailbox in self._mailboxes:
            mailbox.end(Ending.GOING_AWAY)
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_TO_LEAVE):
                while self._mailboxes:
                    self._changed.clear()
                    await self._changed.wait()
        if self._task is not None:
            # Not cancelled: its thread may be reading, and the database is closed next.
            await self._task

    async def _run(self) -> None:
        while not self._closing:
            await self._work.wait()
            self._work.clear()
            while self._due and not self._closing:
                done = await self.step()
                self._failures = 0 if done else self._failures + 1
                if not done:
                    await self._pause()

    async def _pause(self) -> None:
        """Wait after a failure, but not beyond the end."""
        pause = asyncio.ensure_future(self._wait(growing_pause(self._failures)))
        while not (pause.done() or self._closing):
            self._work.clear()
            work = asyncio.ensure_future(self._work.wait())
            await asyncio.wait((pause, work), return_when=asyncio.FIRST_COMPLETED)
            work.cancel()
        pause.cancel()
        with suppress(asyncio.CancelledError):
            await pause

    def _mark(self, segments: Collection[Segment] | None) -> None:
        for segment in self._listeners.keys() if segments is None else set(segments):
            if segment in self._listeners:
                self._due.setdefault(segment, set()).update(self._listeners[segment])
                self._work.set()
