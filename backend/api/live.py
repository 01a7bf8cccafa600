"""`/v1/eta/live`: one WebSocket connection, from its beginning to its end. docs/live.md is for clients."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from fastapi import WebSocket
from starlette.types import Message
from starlette.websockets import WebSocketDisconnect

from backend.api.documenting import Routes
from backend.api.live_messages import Granted, MessageError, complain, read_wish, tell
from backend.api.routes import PREFIX
from backend.api.services import services_of
from backend.core.clock import Clock
from backend.core.live import Crowd, CrowdedError, Ending, Hub, Mailbox
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.storage import Database
from backend.core.store import estimate_segments

MOST_MISTAKES = 10
TRY_AGAIN_LATER = 1013
"""https://www.iana.org/assignments/websocket: for who comes when there are too many."""

# RFC 6455, section 7.4.1: 1001 going away, 1008 policy violation.
CLOSING: Mapping[Ending | None, tuple[int, str]] = MappingProxyType(
    {
        Ending.GOING_AWAY: (1001, "The service stops; connect again later."),
        Ending.IDLE: (1008, "Nothing was subscribed for too long."),
        Ending.MISTAKES: (1008, "Too many messages could not be followed."),
        Ending.STUCK: (1008, "Nothing was read for too long."),
    }
)


class Socket(Protocol):
    """What is used of Starlette's WebSocket once it is accepted."""

    async def receive(self) -> Message:
        """Return the next message, `websocket.disconnect` at the end."""
        ...

    async def send_text(self, data: str) -> None:
        """Send a message; wait while the other side reads nothing."""
        ...

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """End the connection."""
        ...


@dataclass(frozen=True)
class Patience:
    """How long a connection may be of no use, in seconds."""

    idle: float = 60.0
    """Without a subscription."""
    sending: float = 20.0
    """While a message waits for the other side to read."""
    closing: float = 1.0


@dataclass(frozen=True, eq=False)
class Session:
    """One connection that was let in."""

    socket: Socket
    hub: Hub
    mailbox: Mailbox
    patience: Patience
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        """Serve until one side ends it."""
        try:
            await self._serve()
            ending = self.mailbox.ending
            if ending in CLOSING:
                await close(self.socket, *CLOSING[ending], self.patience)
        finally:
            # Last of all: whoever ends the service waits for this.
            self.hub.leave(self.mailbox)

    async def _serve(self) -> None:
        parts = (self._listen(), self._tell(), self.mailbox.ended())
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()

    async def _listen(self) -> None:
        """Follow what the client wants; its next message is read when this one is answered."""
        mistakes = 0
        while True:
            patience = None if self.mailbox.segments else self.patience.idle
            try:
                async with asyncio.timeout(patience):
                    message = await self.socket.receive()
            except TimeoutError:
                self.mailbox.end(Ending.IDLE)
                return
            if message["type"] == "websocket.disconnect":
                self.mailbox.end(Ending.GONE)
                return
            try:
                await self._follow(message.get("text"))
            except MessageError as problem:
                mistakes += 1
                await self._send(complain(problem))
                if mistakes == MOST_MISTAKES:
                    self.mailbox.end(Ending.MISTAKES)
                    return

    async def _follow(self, text: str | None) -> None:
        most = self.hub.crowd.segments
        wish = read_wish(text, most)
        segments, held = wish.to_domain(), self.mailbox.segments
        if wish.type == "unsubscribe":
            self.hub.unsubscribe(self.mailbox, segments)
            await self._send(Granted(type="unsubscribed", segments=len(held)).model_dump_json())
            return
        count = len(held | set(segments))
        if count > most:
            raise MessageError(
                "too_many_segments",
                f"A connection may be subscribed to {most} segments, and these would make {count};"
                " unsubscribe some, or open another connection.",
            )
        # Said first, so that no estimate comes before it.
        await self._send(Granted(type="subscribed", segments=count).model_dump_json())
        self.hub.subscribe(self.mailbox, segments)

    async def _tell(self) -> None:
        """Send what comes into the mailbox."""
        while True:
            await self.mailbox.news()
            await self._send()

    async def _send(self, text: str | None = None) -> None:
        """Send a message, or all that is unread: taken in turn, so that nothing overtakes a newer estimate."""
        async with self._turn:
            for each in self.mailbox.take() if text is None else (text,):
                try:
                    async with asyncio.timeout(self.patience.sending):
                        await self.socket.send_text(each)
                except TimeoutError:
                    self.mailbox.end(Ending.STUCK)
                    return
                except (WebSocketDisconnect, RuntimeError):
                    # RuntimeError: the server has given the connection up, and `receive` will say so.
                    self.mailbox.end(Ending.GONE)
                    return


async def attend(socket: Socket, address: str, hub: Hub, patience: Patience) -> None:
    """Serve an accepted connection to its end, or turn it away where there are too many."""
    try:
        mailbox = hub.join(address)
    except CrowdedError as crowded:
        with suppress(TimeoutError, WebSocketDisconnect):
            async with asyncio.timeout(patience.closing):
                await socket.send_text(complain(MessageError("too_many_connections", str(crowded))))
        await close(socket, TRY_AGAIN_LATER, "Too many connections.", patience)
        return
    await Session(socket, hub, mailbox, patience).run()


async def close(socket: Socket, code: int, reason: str, patience: Patience) -> None:
    """End a connection, if the other side can be told so within a moment."""
    # RuntimeError: Starlette's, for a connection that has ended by itself meanwhile.
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(patience.closing):
            await socket.close(code, reason)


def live_routes() -> Routes:
    """Build the one route, which anybody may use, like all that read."""
    router = Routes(prefix=PREFIX)

    @router.websocket("/eta/live")
    async def listen(websocket: WebSocket) -> None:
        """Tell the estimates of segments, and tell them anew when they change."""
        # Accepted first: only then can every client, a browser too, see why it is turned away.
        await websocket.accept()
        address = websocket.client.host if websocket.client else ""
        await attend(websocket, address, services_of(websocket).live, Patience())

    return router


def live_hub(settings: Settings, clock: Clock, database: Database) -> Hub:
    """Make the hub of an app, inside its event loop."""

    def read(segments: Collection[Segment]) -> Mapping[Segment, str]:
        now = clock.now()
        with database.reading() as transaction:
            estimates = estimate_segments(transaction, segments, settings, now)
        return {segment: tell(segment, estimate, now) for segment, estimate in estimates.items()}

    async def read_in_a_thread(segments: Collection[Segment]) -> Mapping[Segment, str]:
        return await asyncio.to_thread(read, segments)

    crowd = Crowd(
        settings.live_connections, settings.live_connections_per_address, settings.live_segments
    )
    return Hub(read_in_a_thread, crowd)
