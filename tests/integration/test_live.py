"""`/v1/eta/live`: estimates that come by themselves, in process and over a real server."""

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as connect_live

from backend.api.app import create_app
from backend.api.limits import longest_body
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.storage import Database
from backend.core.store import save_feed
from backend.tools.sockets import LARGEST_MESSAGE
from tests.factories import FakeClock, make_feed, make_ride, make_ride_segment, make_segment
from tests.integration.live import connect, serving
from tests.integration.phone import eta, headers, receipt, send, travel

PATH = "/v1/eta/live"


def wish(kind: str, *segments: Segment) -> dict[str, object]:
    return {
        "type": kind,
        "segments": [{"from": part.from_stop, "to": part.to_stop} for part in segments],
    }


def subscribed(session: WebSocketTestSession, *segments: Segment) -> list[dict[str, Any]]:
    """Subscribe, and return the present estimate of each."""
    session.send_json(wish("subscribe", *segments))
    assert session.receive_json()["type"] == "subscribed"
    return [session.receive_json() for _ in segments]


def test_the_present_estimate_comes_at_once_and_a_new_one_after_each_ride(
    client: TestClient, database: Database
) -> None:
    """What is sent is what GET /v1/eta answers at that moment."""
    segment = make_segment()
    with database.writing() as tx:
        save_feed(tx, make_feed([segment.from_stop, segment.to_stop], seconds=240))
    with client.websocket_connect(PATH) as session:
        (first,) = subscribed(session, segment)
        assert first["estimate"]["p50_seconds"] == 240
        receipt(send(client, travel(segment, 350)))
        second = session.receive_json()
    asked = eta(client, segment)
    names = ("p50_seconds", "p90_seconds", "mean_seconds", "observations", "weight")
    assert second == {
        "type": "estimate",
        "from": segment.from_stop,
        "to": segment.to_stop,
        "leaving_at": asked["leaving_at"],
        "estimate": {name: asked[name] for name in names},
    }
    assert second["estimate"]["mean_seconds"] > 240


def test_what_nobody_knows_yet_is_told_as_soon_as_somebody_rides_there(client: TestClient) -> None:
    segment = make_segment()
    with client.websocket_connect(PATH) as session:
        (first,) = subscribed(session, segment)
        assert first["estimate"] is None
        receipt(send(client, travel(segment, 350)))
        assert session.receive_json()["estimate"]["p50_seconds"] == 350


async def test_a_stop_that_is_broken_off_ends_the_background_all_the_same(app: FastAPI) -> None:
    """Whatever becomes of the listeners, no chore is at work when the database is closed."""
    started = asyncio.Event()

    async def serve() -> None:
        async with app.router.lifespan_context(app):
            started.set()

    serving = asyncio.create_task(serve())
    await started.wait()
    chores = [task for task in asyncio.all_tasks() if task.get_name() == "retention"]
    mailbox = app.state.services.live.join("who does not leave")
    await mailbox.ended()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert [task.done() for task in chores] == [True]


def test_rides_elsewhere_repeated_rides_and_refused_ones_are_no_news(client: TestClient) -> None:
    """The first message after them is that of the next ride on the segment itself."""
    segment = make_segment()
    with client.websocket_connect(PATH) as session:
        subscribed(session, segment)
        receipt(send(client, travel(make_segment(), 100)))
        assert send(client, travel(segment, -1)).status_code == 422
        ride = travel(segment, 300)
        receipt(send(client, ride, key="one"))
        assert session.receive_json()["estimate"]["observations"] == 1
        receipt(send(client, ride, key="one"))
        receipt(send(client, travel(segment, 300)))
        assert session.receive_json()["estimate"]["observations"] == 2


def test_unsubscribing_ends_the_news(client: TestClient) -> None:
    kept, dropped = make_segment(), make_segment()
    with client.websocket_connect(PATH) as session:
        subscribed(session, kept, dropped)
        session.send_json(wish("unsubscribe", dropped))
        assert session.receive_json() == {"type": "unsubscribed", "segments": 1}
        parts = [make_ride_segment(dropped), make_ride_segment(kept)]
        receipt(send(client, make_ride(parts)))
        assert session.receive_json()["from"] == kept.from_stop


def test_each_listener_gets_its_own_segments(client: TestClient) -> None:
    one, other = make_segment(), make_segment()
    with client.websocket_connect(PATH) as first, client.websocket_connect(PATH) as second:
        subscribed(first, one)
        subscribed(second, other)
        receipt(send(client, travel(other, 300)))
        receipt(send(client, travel(one, 300)))
        assert first.receive_json()["from"] == one.from_stop
        assert second.receive_json()["from"] == other.from_stop


def test_a_timetable_that_is_replaced_in_the_same_process_is_news(
    app: FastAPI, client: TestClient, database: Database
) -> None:
    segment = make_segment()
    with client.websocket_connect(PATH) as session:
        subscribed(session, segment)
        with database.writing() as tx:
            save_feed(tx, make_feed([segment.from_stop, segment.to_stop], seconds=99))
        app.state.services.live.touched()
        assert session.receive_json()["estimate"]["p50_seconds"] == 99


BAD_MESSAGES = {
    "no JSON": ("{", "malformed_json"),
    "another type": ('{"type":"shout","segments":[]}', "invalid_message"),
    "no segments": ('{"type":"subscribe","segments":[]}', "invalid_message"),
    "no object": ("[]", "invalid_message"),
    "a NUL": ('{"type":"subscribe","segments":[{"from":"a\\u0000","to":"b"}]}', "invalid_message"),
    "an unknown field": (
        '{"type":"subscribe","segments":[{"from":"a","to":"b","via":"c"}]}',
        "invalid_message",
    ),
    "too long": (" " * (longest_body(50) + 1), "message_too_large"),
    "too many": (
        json.dumps(wish("subscribe", *(Segment(str(n), "end") for n in range(51)))),
        "too_many_segments",
    ),
}


@pytest.mark.parametrize("kind", BAD_MESSAGES)
def test_a_bad_message_is_answered_in_the_envelope_and_the_connection_goes_on(
    client: TestClient, kind: str
) -> None:
    text, error = BAD_MESSAGES[kind]
    with client.websocket_connect(PATH) as session:
        session.send_text(text)
        answer = session.receive_json()
        assert answer.keys() == {"type", "error", "message", "details"}
        assert (answer["type"], answer["error"]) == ("error", error)
        assert len(subscribed(session, make_segment())) == 1


@pytest.mark.parametrize(
    "mistakes",
    [
        f'"segments":[{",".join(["{}"] * 70_000)}]',
        ",".join(f'"{number}":0' for number in range(20_000)),
        ",".join(f'"{number:09000}":0' for number in range(20)),
    ],
    ids=["wrong segments", "surprises", "long surprises"],
)
def test_a_message_with_thousands_of_mistakes_gets_a_short_answer(
    client: TestClient, mistakes: str
) -> None:
    """Anybody may send one, and the answer keeps all other listeners waiting."""
    with client.websocket_connect(PATH) as session:
        session.send_text(f'{{"type":"subscribe",{mistakes}}}')
        answer = session.receive_text()
    assert len(answer) < 10_000
    assert json.loads(answer)["error"] == "invalid_message"


def test_bytes_are_no_message(client: TestClient) -> None:
    with client.websocket_connect(PATH) as session:
        session.send_bytes(b"{}")
        assert session.receive_json()["error"] == "malformed_json"


@pytest.mark.parametrize("settings_overrides", [{"live_segments": 2}])
def test_too_many_segments_change_nothing(client: TestClient) -> None:
    """All of a message is followed or nothing; what is subscribed already counts once."""
    one, two, three = make_segment(), make_segment(), make_segment()
    with client.websocket_connect(PATH) as session:
        subscribed(session, one)
        session.send_json(wish("subscribe", two, three))
        assert session.receive_json()["error"] == "too_many_segments"
        assert len(subscribed(session, one, two)) == 2


@pytest.mark.parametrize("settings_overrides", [{"live_connections_per_address": 1}])
def test_a_connection_too_many_is_told_why(client: TestClient) -> None:
    with client.websocket_connect(PATH) as first:
        with client.websocket_connect(PATH) as second:
            assert second.receive_json()["error"] == "too_many_connections"
            with pytest.raises(WebSocketDisconnect) as closed:
                second.receive_json()
            assert closed.value.code == 1013
        assert len(subscribed(first, make_segment())) == 1


def test_the_end_of_the_service_ends_every_connection(app: FastAPI) -> None:
    with TestClient(app) as client:
        session = client.websocket_connect(PATH)
        session.__enter__()
        subscribed(session, make_segment())
        client.portal.call(app.state.services.live.close)  # type: ignore[union-attr]
        with pytest.raises(WebSocketDisconnect) as closed:
            session.receive_json()
        session.__exit__(None, None, None)
    assert (closed.value.code, closed.value.reason) == (
        1001,
        "The service stops; connect again later.",
    )


def test_two_apps_have_nothing_to_tell_each_other(
    make_settings: Callable[..., Settings], client: TestClient
) -> None:
    segment = make_segment()
    with (
        TestClient(create_app(make_settings(db_path=":memory:"), clock=FakeClock())) as other,
        client.websocket_connect(PATH) as session,
    ):
        subscribed(session, segment)
        receipt(send(other, travel(segment, 100)))
        receipt(send(client, travel(segment, 300)))
        assert session.receive_json()["estimate"]["p50_seconds"] == 300


# Over a real server, with the library that clients have.


HANDSHAKE = (
    b"GET /v1/eta/live HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def frame(text: str) -> bytes:
    """Write a text message as a client has to: masked, here by nothing (RFC 6455, section 5.2)."""
    payload = text.encode()
    return b"\x81\xfe" + struct.pack("!H", len(payload)) + bytes(4) + payload


def dial(url: str, **options: Any) -> AbstractContextManager[ClientConnection]:  # noqa: ANN401 - the library's own
    address = url.replace("http://", "ws://") + PATH
    dialled: AbstractContextManager[ClientConnection] = connect_live(
        address, proxy=None, close_timeout=5, **options
    )
    return dialled


def told(connection: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(connection.recv(timeout=30))
    return message


def test_a_real_client_hears_of_a_real_ride(app: FastAPI) -> None:
    segment = make_segment()
    with serving(app) as url, connect(url) as phone, dial(url) as listener:
        listener.send(json.dumps(wish("subscribe", segment)))
        assert [told(listener)["type"], told(listener)["estimate"]] == ["subscribed", None]
        receipt(send(phone, travel(segment, 320)))
        assert told(listener)["estimate"]["p50_seconds"] == 320


@pytest.mark.slow
def test_who_does_not_read_holds_up_nobody_and_ends_with_the_latest(app: FastAPI) -> None:
    """The system's buffers are made small, so that the server soon finds that nobody reads."""
    segments = [make_segment() for _ in range(50)]
    rides = 20
    with socket.socket() as narrow:
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with serving(app, send_buffer=4096) as url, connect(url) as phone:
            host, port = url.removeprefix("http://").split(":")
            narrow.connect((host, int(port)))
            with dial(url, sock=narrow, max_queue=1) as listener:
                listener.send(json.dumps(wish("subscribe", *segments)))
                for number in range(rides):
                    ride = make_ride([make_ride_segment(part) for part in segments])
                    receipt(send(phone, ride, key=f"ride {number}".replace(" ", "-")))
                heard = 0
                last: dict[str, float] = {}
                while list(last.values()).count(rides) < len(segments):
                    message = told(listener)
                    if message["type"] == "estimate" and message["estimate"] is not None:
                        last[message["from"]] = message["estimate"]["observations"]
                        heard += 1
    assert heard < rides * len(segments)


def test_the_end_of_a_real_server_is_told_with_1001(app: FastAPI) -> None:
    with ExitStack() as stack:
        with serving(app) as url:
            listener = stack.enter_context(dial(url))
            listener.send(json.dumps(wish("subscribe", make_segment())))
            assert [told(listener)["type"], told(listener)["type"]] == ["subscribed", "estimate"]
        with pytest.raises(ConnectionClosed) as closed:
            listener.recv(timeout=30)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001


@pytest.mark.slow
def test_a_client_that_reads_nothing_does_not_keep_the_server_from_ending(
    app: FastAPI,
) -> None:
    """Neither the goodbye nor what is on its way is waited for longer than a moment."""
    long = "\N{BUS}" * 90  # four bytes each, so that every ride is news of 40 KB
    segments = [Segment(f"{number}{long}", long) for number in range(50)]
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with serving(app, send_buffer=4096) as url, connect(url) as phone:
            host, port = url.removeprefix("http://").split(":")
            deaf.connect((host, int(port)))
            deaf.sendall(HANDSHAKE)
            assert b" 101 " in deaf.recv(4096)
            deaf.sendall(frame(json.dumps(wish("subscribe", *segments), ensure_ascii=False)))
            for _ in range(8):
                receipt(send(phone, make_ride([make_ride_segment(part) for part in segments])))
        assert app.state.services.live.connections == 0


def test_who_answers_no_ping_is_let_go(app: FastAPI) -> None:
    with serving(app, ping=0.01) as url, socket.socket() as dead:
        host, port = url.removeprefix("http://").split(":")
        dead.connect((host, int(port)))
        dead.sendall(HANDSHAKE)
        with dead.makefile("rb") as stream:
            heard = stream.read()  # to the end, which the server makes
    ping, close = b"\x89\x04", b"\x88" + bytes([2 + len("keepalive ping timeout")])
    assert ping in heard
    assert heard.endswith(close + struct.pack("!H", 1011) + b"keepalive ping timeout")


def test_a_message_beyond_all_limits_ends_the_connection(app: FastAPI) -> None:
    with serving(app) as url, dial(url) as listener:
        listener.send(" " * (LARGEST_MESSAGE + 1))
        with pytest.raises(ConnectionClosed) as closed:
            listener.recv(timeout=30)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_no_other_path_speaks_websocket(client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/v1/eta"):
        pass


def test_a_header_of_a_phone_is_not_needed_to_listen(client: TestClient) -> None:
    """Listening is reading, and reading needs no key; a wrong one does no harm."""
    wrong = headers(api_key="not-the-key-at-all")
    with client.websocket_connect(PATH, headers=wrong) as session:
        assert len(subscribed(session, make_segment())) == 1
