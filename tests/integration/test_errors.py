"""Whatever goes wrong, the answer has one shape: `{error, message, details}`."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx2
import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient

from backend.api.app import create_app
from backend.api.limits import longest_body
from backend.core.settings import Settings
from tests.factories import (
    START,
    FakeClock,
    make_ride,
    make_ride_segment,
    make_segment,
    ride_body,
    unique_id,
)
from tests.integration.phone import ask, headers, send, travel

ETA = "/v1/eta?from=a&to=b"
JSON = {"Content-Type": "application/json"}


def check_envelope(response: httpx2.Response, status: int, error: str) -> dict[str, object]:
    """Check the status and the three fields, and return the envelope."""
    envelope: dict[str, object] = response.json()
    assert (response.status_code, envelope["error"]) == (status, error)
    assert response.headers["content-type"] == "application/json"
    assert envelope.keys() == {"error", "message", "details"}
    assert str(envelope["message"]).endswith(".")
    assert isinstance(envelope["details"], list)
    return envelope


def good_body() -> dict[str, object]:
    return ride_body(travel(make_segment(), 300))


def in_utf_8(pairs: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Encode headers as a careless client does, which httpx2 by itself would not."""
    return [(name.encode(), value.encode()) for name, value in pairs]


def post(client: httpx2.Client, content: bytes | str) -> httpx2.Response:
    return client.post("/v1/ride_summary", content=content, headers=headers() | JSON)


@pytest.mark.parametrize(
    "content",
    [b"{", b"[1,", b"nonsense", b'{"device_id": "\xff"}', b"[" * 20_000, b"9" * 5_000],
    ids=["brace", "list", "word", "not UTF-8", "too deep", "too long a number"],
)
def test_a_body_that_is_no_json(client: TestClient, content: bytes) -> None:
    """400: bytes that cannot be read as JSON at all."""
    response = post(client, content)

    assert response.json()["error"] in {"malformed_json", "bad_request"}
    check_envelope(response, 400, response.json()["error"])


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_no_header_calls_json(client: TestClient, kind: str | None) -> None:
    """As curl sends it with --data: what is wrong is not the body."""
    named = {} if kind is None else {"Content-Type": kind}
    body = json.dumps(ride_body(make_ride()))

    response = client.post("/v1/ride_summary", content=body, headers=headers() | named)

    check_envelope(response, 422, "invalid_request")
    assert response.json()["message"].endswith("send it with Content-Type: application/json.")


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", "x/y+json"]
)
def test_a_body_of_another_shape_is_told_whatever_json_is_called(
    client: TestClient, kind: str
) -> None:
    response = client.post(
        "/v1/ride_summary", content="7", headers=headers() | {"Content-Type": kind}
    )

    check_envelope(response, 422, "invalid_request")
    assert response.json()["message"].endswith("correct body.")


@pytest.mark.parametrize(
    "key", [None, "", "two words", "k" * 256, "ключ"], ids=["no", "empty", "space", "long", "odd"]
)
def test_an_idempotency_key_that_is_none(client: TestClient, key: str | None) -> None:
    """400: a ride without a usable Idempotency-Key, whatever its body."""
    sent = [("Authorization", headers()["Authorization"])]
    if key is not None:
        sent.append(("Idempotency-Key", key))

    response = client.post("/v1/ride_summary", json={}, headers=in_utf_8(sent))

    check_envelope(response, 400, "idempotency_key_required")


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic a-key-for-tests-only", "Bearer ключ"],
)
def test_a_ride_without_the_key(client: TestClient, authorization: str | None) -> None:
    """401: a missing, empty, wrong or otherwise presented key; the answer says what to present."""
    sent = [("Idempotency-Key", unique_id("key"))]
    if authorization is not None:
        sent.append(("Authorization", authorization))

    response = client.post("/v1/ride_summary", json=good_body(), headers=in_utf_8(sent))

    check_envelope(response, 401, "unauthorized")
    assert response.headers["www-authenticate"] == "Bearer"


def test_the_key_is_asked_for_before_the_body_is_read(client: TestClient) -> None:
    """401 and not 400: a stranger cannot make the service parse anything."""
    response = client.post("/v1/ride_summary", content=b"{", headers=JSON)

    check_envelope(response, 401, "unauthorized")


def test_the_name_of_the_scheme_may_be_written_in_any_case(client: TestClient) -> None:
    """RFC 9110 makes the scheme's case insignificant; the key's is significant."""
    sent = headers() | {"Authorization": headers()["Authorization"].replace("Bearer", "bEARER")}

    assert client.post("/v1/ride_summary", json=good_body(), headers=sent).status_code == 200
    shouted = headers(api_key=headers()["Authorization"].removeprefix("Bearer ").upper())
    assert client.post("/v1/ride_summary", json=good_body(), headers=shouted).status_code == 401


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v2/eta", "/v1/eta/more", "/v1/eta/", "/v1/health/"]
)
def test_a_path_that_is_none(client: TestClient, path: str) -> None:
    """404: an unknown path is told in the same envelope."""
    envelope = check_envelope(client.get(path), 404, "not_found")

    assert path in str(envelope["message"])


def test_a_way_that_nobody_knows(client: TestClient) -> None:
    """404: no timetable and no ride leads there."""
    check_envelope(client.get(ETA), 404, "no_estimate")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/v1/ride_summary", "POST"), ("POST", ETA, "GET"), ("DELETE", "/v1/health", "GET")],
)
def test_a_method_that_is_not_answered(
    client: TestClient, method: str, path: str, allowed: str
) -> None:
    """405: the answer says which method to use, in words and in the Allow header."""
    response = client.request(method, path)

    envelope = check_envelope(response, 405, "method_not_allowed")
    assert response.headers["allow"] == allowed
    assert f"use {allowed}." in str(envelope["message"])


def test_a_key_used_for_another_ride(client: TestClient) -> None:
    """409: a key names one body only."""
    key = unique_id("key")
    send(client, travel(make_segment(), 300), key=key)

    check_envelope(send(client, travel(make_segment(), 300), key=key), 409, "idempotency_conflict")


@pytest.mark.parametrize("settings_overrides", [{"max_segments_per_ride": 1}])
def test_a_body_that_says_it_is_too_long(client: TestClient) -> None:
    """413: a body longer than any ride allowed is not even read."""
    content = b" " * (longest_body(1) + 1)

    check_envelope(post(client, content), 413, "body_too_large")


@pytest.mark.parametrize("digits", ["9" * 13, "9" * 5000, "0" * 20 + "9999999"])
def test_a_length_beyond_all_numbers(client: TestClient, digits: str) -> None:
    """413: Python reads no integer of more than some thousand digits; nobody sends such a body."""
    sent = headers() | JSON | {"Content-Length": digits}

    response = client.post("/v1/ride_summary", content=b"{}", headers=sent)

    check_envelope(response, 413, "body_too_large")


@pytest.mark.parametrize("settings_overrides", [{"max_segments_per_ride": 1}])
@pytest.mark.usefixtures("client")  # starts the app
async def test_a_body_that_turns_out_too_long(app: FastAPI) -> None:
    """413: a body that comes in pieces and says no length is read up to the limit, and no further."""
    read = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        for read in range(1000, 10 * longest_body(1), 1000):  # noqa: B007 - what the outside sees
            yield b" " * 1000

    # TestClient would join the pieces; this transport hands them on one by one.
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://x") as client:
        response = await client.post("/v1/ride_summary", content=pieces(), headers=headers() | JSON)

    check_envelope(response, 413, "body_too_large")
    assert longest_body(1) < read <= longest_body(1) + 1000


def test_a_body_as_long_as_allowed_is_read(client: TestClient, settings: Settings) -> None:
    """The limit itself is not too long: spaces after a good ride, up to the last byte, do no harm."""
    ride = httpx2.Request("POST", "http://x", json=good_body()).read()

    response = post(client, ride.ljust(longest_body(settings.max_segments_per_ride)))

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"device_id": ""}, "device_id"),
        ({"device_id": "d" * 101}, "device_id"),
        ({"device_id": None}, "device_id"),
        ({"segments": "all"}, "segments"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_ride_of_the_wrong_shape(
    client: TestClient, change: dict[str, object], field: str
) -> None:
    """422: the details name the field that is missing, wrong or unknown."""
    response = client.post("/v1/ride_summary", json=good_body() | change, headers=headers())

    check_envelope(response, 422, "invalid_request")
    assert [(each["in"], each["field"]) for each in response.json()["details"]] == [("body", field)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("from_stop", 5),
        ("to_stop", "\ud800"),
        ("to_stop", "a\0b"),
        ("seconds", "long"),
        ("seconds", float("nan")),
        ("seconds", float("inf")),
        ("confidence", None),
        ("started_at", "yesterday"),
        ("started_at", "2026-03-04T09:00:00"),
    ],
)
def test_a_segment_of_the_wrong_shape(client: TestClient, field: str, value: object) -> None:
    """422: the details lead to the field within its segment, and do not repeat its value."""
    body = good_body()
    segments = body["segments"]
    assert isinstance(segments, list)
    segments[0][field] = value

    response = post(client, json.dumps(body))

    check_envelope(response, 422, "invalid_request")
    assert [each["field"] for each in response.json()["details"]] == [f"segments.0.{field}"]


MANY_MISTAKES = {
    "wrong segments": f'"segments":[{",".join(["{}"] * 70_000)}]',
    "surprises": '"segments":[],' + ",".join(f'"{number}":0' for number in range(20_000)),
    "long surprises": '"segments":[],' + ",".join(f'"{n:09000}":0' for n in range(20)),
}


@pytest.mark.parametrize("mistakes", MANY_MISTAKES.values(), ids=MANY_MISTAKES)
def test_a_body_with_thousands_of_mistakes_gets_a_short_answer(
    client: TestClient, mistakes: str
) -> None:
    """422: some of the mistakes are told; who sends little cannot make the service say much."""
    response = post(client, f'{{"device_id":"d",{mistakes}}}')

    envelope = check_envelope(response, 422, "invalid_request")
    assert len(response.content) < 10_000
    assert envelope["details"]


def test_a_ride_with_thousands_of_segments_that_cannot_be_true(client: TestClient) -> None:
    """422: that they are too many is enough to say."""
    part = ride_body(travel(make_segment(), 0))["segments"][0]  # type: ignore[index]

    response = post(client, json.dumps({"device_id": "d", "segments": [part] * 1000}))

    envelope = check_envelope(response, 422, "ride_refused")
    assert len(envelope["details"]) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "confidence", "words"),
    [
        (0, 0.9, "a duration is at least 1 s"),
        (1e-100, 0.9, "a duration is at least 1 s"),
        (7200.1, 0.9, "at most 7200 s"),
        (300, 1.01, "between 0 and 1"),
        (300, -0.01, "between 0 and 1"),
    ],
)
def test_a_segment_that_cannot_be_true(
    client: TestClient, seconds: float, confidence: float, words: str
) -> None:
    """422: the details say which segment breaks which limit."""
    good, bad = make_ride_segment(), make_ride_segment(seconds=seconds, confidence=confidence)

    response = send(client, make_ride([good, bad]))

    envelope = check_envelope(response, 422, "ride_refused")
    assert words in str(envelope["message"])
    assert [each["segment"] for each in response.json()["details"]] == [1]


def test_a_ride_without_segments(client: TestClient) -> None:
    """422: a ride that went nowhere is refused as a whole."""
    response = send(client, make_ride([]))

    check_envelope(response, 422, "ride_refused")
    assert [each["segment"] for each in response.json()["details"]] == [None]


@pytest.mark.parametrize(
    ("started_at", "words"),
    [
        (START - timedelta(days=7, seconds=1), "accepted for 7 days"),
        (START + timedelta(minutes=5, seconds=1), "in the future"),
        (datetime.fromisoformat("0001-01-01T00:00:00+14:00"), "accepted for 7 days"),
    ],
)
def test_a_ride_from_another_time(client: TestClient, started_at: datetime, words: str) -> None:
    """422: a ride that is too old, or not over yet, is refused with the limit that it broke."""
    response = send(client, travel(make_segment(), 300, at=started_at))

    envelope = check_envelope(response, 422, "ride_refused")
    assert words in str(envelope["message"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("to=b", "from"),
        ("from=a", "to"),
        ("from=&to=b", "from"),
        ("from=a%00&to=b", "from"),
        ("from=a&to=b&at=soon", "at"),
        ("from=a&to=b&at=2026-03-04T09:00:00", "at"),
        ("from=a&to=b&at=2036-03-04T09:00:00Z", "at"),
        ("from=a&to=b&at=0001-01-01T00:00:00Z", "at"),
        ("from=a&to=b&at=9999-12-31T23:59:59Z", "at"),
    ],
)
def test_a_question_of_the_wrong_shape(client: TestClient, query: str, field: str) -> None:
    """422: a missing stop, or a time that is none, has no zone, or is more than a year away."""
    response = client.get(f"/v1/eta?{query}")

    check_envelope(response, 422, "invalid_request")
    assert [(each["in"], each["field"]) for each in response.json()["details"]] == [
        ("query", field)
    ]


def test_a_refusal_by_the_framework_that_has_no_words_of_ours(app: FastAPI) -> None:
    """Its status names the error, and its own words are the sentence."""

    @app.get("/teapot")
    def brew() -> None:
        raise HTTPException(status_code=418, detail="This is a teapot")

    with TestClient(app) as client:
        envelope = check_envelope(client.get("/teapot"), 418, "http_418")

    assert envelope["message"] == "This is a teapot."


def test_a_failure_that_nobody_foresaw(settings: Settings) -> None:
    """500: the client learns that something failed, and nothing of the inside."""

    class StoppingClock(FakeClock):
        """Works at the start, and then no more."""

        def now(self) -> datetime:
            if self._now != START:
                raise ArithmeticError("a secret of the inside")
            return super().now()

    clock = StoppingClock()
    app = create_app(settings, clock=clock)
    with TestClient(app, raise_server_exceptions=False) as client:
        clock.advance(timedelta(seconds=1))
        response = client.get("/v1/health")

    envelope = check_envelope(response, 500, "internal_error")
    assert "secret" not in str(envelope)


def test_a_database_that_does_not_answer(
    app: FastAPI, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """503: everything says that the database is gone; only the log says which and why."""
    database = app.state.services.database
    database.close()

    for response in (
        client.get("/v1/health"),
        ask(client, make_segment()),
        send(client, travel(make_segment(), 300)),
    ):
        check_envelope(response, 503, "database_unavailable")
        assert database.place not in response.text
    assert (
        caplog.messages
        == [f"The database {database.place} is closed; open it again to use it."] * 3
    )
