"""One live connection, over a socket that a test holds in its hands."""

import asyncio
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

import pytest
from starlette.types import Message
from starlette.websockets import WebSocketDisconnect

from backend.api.live import MOST_MISTAKES, Patience, attend
from backend.core.live import Crowd, Hub
from backend.core.rides import Segment

PATIENT = Patience(idle=3600, sending=3600, closing=3600)
A_B = {"from": "a", "to": "b"}


class MockWebSocket:
    """A connection without a network: what the client sends is put in, what it gets is kept."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.closed: tuple[int, str | None] | None = None
        self.reads = asyncio.Event()
        self.reads.set()
        self.lost = False

    async def receive(self) -> Message:
        return await self.incoming.get()

    async def send_text(self, data: str) -> None:
        await self.reads.wait()
        if self.lost:
            raise WebSocketDisconnect(1006)
        self.outgoing.put_nowait(json.loads(data))

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        await self.reads.wait()
        self.closed = (code, reason)

    def says(self, message: object) -> None:
        """Let the client send something: a text as it is, anything else as JSON."""
        text = message if isinstance(message, str) else json.dumps(message)
        self.incoming.put_nowait({"type": "websocket.receive", "text": text})

    def hangs_up(self) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})


@pytest.fixture
def mock_websocket() -> Callable[[], MockWebSocket]:
    """Give a function that makes such a connection, inside the test's event loop."""
    return MockWebSocket


async def read(segments: Collection[Segment]) -> Mapping[Segment, str]:
    return {part: json.dumps({"type": "estimate", "from": part.from_stop}) for part in segments}


def make_hub(connections: int = 2) -> Hub:
    return Hub(read, Crowd(connections, connections, segments=2))


async def test_a_client_that_hangs_up_leaves_nothing_behind(
    mock_websocket: Callable[[], MockWebSocket],
) -> None:
    socket, hub = mock_websocket(), make_hub()
    session = asyncio.create_task(attend(socket, "a", hub, PATIENT))
    socket.says({"type": "subscribe", "segments": [A_B]})
    assert (await socket.outgoing.get())["type"] == "subscribed"
    socket.hangs_up()
    await session
    assert (hub.connections, hub.due, socket.closed) == (0, 0, None)


async def test_a_connection_lost_while_something_is_sent_ends(
    mock_websocket: Callable[[], MockWebSocket],
) -> None:
    socket, hub = mock_websocket(), make_hub()
    socket.lost = True
    socket.says("nonsense")
    await attend(socket, "a", hub, PATIENT)
    assert hub.connections == 0


async def test_a_client_that_subscribes_to_nothing_is_let_go(
    mock_websocket: Callable[[], MockWebSocket],
) -> None:
    socket, hub = mock_websocket(), make_hub()
    await attend(socket, "a", hub, Patience(idle=0))
    assert socket.closed == (1008, "Nothing was subscribed for too long.")
    assert hub.connections == 0


async def test_a_client_that_never_reads_is_let_go(
    mock_websocket: Callable[[], MockWebSocket],
) -> None:
    """Not even the goodbye waits for it."""
    socket, hub = mock_websocket(), make_hub()
    socket.reads.clear()
    socket.says({"type": "subscribe", "segments": [A_B]})
    await attend(socket, "a", hub, Patience(idle=3600, sending=0, closing=0))
    assert (hub.connections, socket.closed) == (0, None)


async def test_an_answer_waits_until_the_one_before_it_is_read(
    mock_websocket: Callable[[], MockWebSocket],
) -> None:
    """A client that asks and asks and reads nothing fills no memory here: it is heard no more."""
    socket, hub = mock_websocket(), make_hub()
    socket.reads.clear()
    for _ in range(5):
        socket.says("nonsense")
    session = asyncio.create_task(attend(socket, "a", hub, PATIENT))
    for _ in range(20):
        await asyncio.sleep(0)
    assert socket.incoming.qsize() == 4
    socket.hangs_up()
    socket.reads.set()
    await session


async def test_no_estimate_follows_the_answer_to_unsubscribing(
    mock_websocket: Callable[[], MockWebSocket],
) -> None:
    socket, hub = mock_websocket(), make_hub()
    session = asyncio.create_task(attend(socket, "a", hub, PATIENT))
    socket.says({"type": "subscribe", "segments": [A_B]})
    await socket.outgoing.get()
    socket.says({"type": "unsubscribe", "segments": [A_B]})
    assert await socket.outgoing.get() == {"type": "unsubscribed", "segments": 0}
    hub.touched()
    await hub.step()
    socket.hangs_up()
    await session
    assert socket.outgoing.empty()


async def test_who_makes_one_mistake_after_the_other_is_let_go(
    mock_websocket: Callable[[], MockWebSocket],
) -> None:
    socket, hub = mock_websocket(), make_hub()
    for _ in range(MOST_MISTAKES):
        socket.says("nonsense")
    await attend(socket, "a", hub, PATIENT)
    assert socket.outgoing.qsize() == MOST_MISTAKES
    assert socket.closed == (1008, "Too many messages could not be followed.")


async def test_too_many_connections_are_told_so_before_they_are_closed(
    mock_websocket: Callable[[], MockWebSocket],
) -> None:
    socket, hub = mock_websocket(), make_hub(connections=1)
    hub.join("a")
    await attend(socket, "b", hub, PATIENT)
    assert (await socket.outgoing.get())["error"] == "too_many_connections"
    assert socket.closed == (1013, "Too many connections.")
    assert hub.connections == 1


async def test_what_goes_wrong_inside_is_not_swallowed() -> None:
    """The server logs it; the connection is given up and leaves its place."""

    class Broken(MockWebSocket):
        async def receive(self) -> Message:
            raise LookupError("a mistake of ours")

    hub = make_hub()
    with pytest.raises(LookupError):
        await attend(Broken(), "a", hub, PATIENT)
    assert hub.connections == 0
