"""What administrators do over HTTP, and who is not one."""

import io
import logging
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import redirect_stdout
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from backend.core.rides import Segment
from backend.core.storage import Database
from backend.core.store import save_feed
from backend.core.store.retention import PER_STEP
from backend.tools.city import build_city
from backend.tools.city_feed import write_feed
from backend.tools.cli import main
from tests.factories import (
    TEST_ADMIN_KEYS,
    TEST_API_KEY,
    FakeClock,
    make_device,
    make_feed,
    make_ride,
    make_ride_segment,
    make_segment,
    make_stops,
)
from tests.integration.phone import ask, send, travel

ROUTES = {
    ("POST", "/v1/admin/keys"): "keys:manage",
    ("GET", "/v1/admin/keys"): "keys:manage",
    ("DELETE", "/v1/admin/keys/x"): "keys:manage",
    ("GET", "/v1/admin/rejections"): "stats:read",
    ("POST", "/v1/admin/feed"): "feed:write",
    ("POST", "/v1/admin/retention"): "retention:run",
}
NOT_VALID = (
    b'{"error":"unauthorized","message":"The administrator\'s token is missing or not valid;'
    b' send the header Authorization: Bearer <token>.","details":[]}'
)
Token = Callable[..., str]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def keeper(client: TestClient, admin_token: Token) -> TestClient:
    """Give a client that may do everything."""
    client.headers.update(bearer(admin_token(*set(ROUTES.values()))))
    return client


@pytest.fixture
def city_zip(tmp_path: Path) -> bytes:
    """Give the feed of a city."""
    path = tmp_path / "city.zip"
    write_feed(build_city(1), path, date(2026, 3, 4), "Asia/Kolkata")
    return path.read_bytes()


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_every_wrong_token_gets_the_same_answer(
    client: TestClient,
    admin_token: Token,
    auth_headers: dict[str, str],
    clock: FakeClock,
    route: tuple[str, str],
) -> None:
    """401, byte for byte: an attacker does not learn how near a token is to being good."""
    good = admin_token(ROUTES[route])
    too_long = admin_token(ROUTES[route], lifetime=timedelta(hours=2))
    attempts = [
        {},
        auth_headers,
        bearer("garbage"),
        bearer(f"{good[:-2]}xx"),
        bearer(too_long),
        {"Authorization": f"Basic {good}"},
    ]
    answers = [client.request(*route, headers=attempt) for attempt in attempts]
    clock.advance(timedelta(minutes=15))
    answers.append(client.request(*route, headers=bearer(good)))

    assert {(each.status_code, each.content) for each in answers} == {(401, NOT_VALID)}
    assert {each.headers["www-authenticate"] for each in answers} == {"Bearer"}


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_good_token_without_the_scope_is_forbidden(
    client: TestClient, admin_token: Token, method: str, path: str
) -> None:
    """403, with the scope that it takes, before the body is looked at."""
    scope = ROUTES[method, path]
    others = set(ROUTES.values()) - {scope}

    answer = client.request(method, path, headers=bearer(admin_token(*others)), content=b"{")

    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert answer.headers["www-authenticate"] == (
        f'Bearer error="insufficient_scope", scope="{scope}"'
    )


@pytest.mark.parametrize("settings_overrides", [{"admin_keys": None}])
def test_without_keys_there_are_no_administrators(client: TestClient) -> None:
    """A service that was given no key to verify with lets nobody in."""
    assert client.get("/v1/admin/keys", headers=bearer("a.b.c")).status_code == 401


def test_a_key_is_made_used_listed_and_revoked(keeper: TestClient) -> None:
    """The whole life of a key, without a restart."""
    made = keeper.post("/v1/admin/keys", json={"name": "android"})
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    key = made.json()["key"]
    assert send(keeper, travel(make_segment(), 300), api_key=key).status_code == 200

    revoked = keeper.delete("/v1/admin/keys/android")
    assert revoked.status_code == 200

    assert send(keeper, travel(make_segment(), 300), api_key=key).status_code == 401
    listed = keeper.get("/v1/admin/keys")
    assert listed.json() == {"keys": [revoked.json()]}
    assert revoked.json()["revoked_at"] is not None
    assert key not in listed.text


def test_a_name_that_is_taken_is_a_conflict(keeper: TestClient) -> None:
    """409, and the first key stays."""
    first, second = (keeper.post("/v1/admin/keys", json={"name": "android"}) for _ in range(2))

    assert (second.status_code, second.json()["error"]) == (409, "name_taken")
    key = first.json()["key"]
    assert send(keeper, travel(make_segment(), 300), api_key=key).status_code == 200


@pytest.mark.parametrize("name", ["", "two words", "a/b", "android\n", 5, None])
def test_a_name_that_is_none_is_refused(keeper: TestClient, name: object) -> None:
    """422, before anything is made."""
    answer = keeper.post("/v1/admin/keys", json={"name": name})

    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")


@pytest.mark.parametrize("name", ["two%20words", "a%00b", "%FF", "a" * 65])
def test_what_can_be_no_name_is_refused_before_the_database_is_asked(
    keeper: TestClient, name: str
) -> None:
    """422 on every database: PostgreSQL could not even be asked for a name with the character NUL."""
    answer = keeper.delete(f"/v1/admin/keys/{name}")

    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")


def test_a_key_that_is_not_there_cannot_be_revoked(keeper: TestClient) -> None:
    """404 in the envelope."""
    answer = keeper.delete("/v1/admin/keys/nobody")

    assert (answer.status_code, answer.json()["error"]) == (404, "no_such_key")


def test_what_an_administrator_does_is_logged_without_the_token(
    client: TestClient, admin_token: Token, caplog: pytest.LogCaptureFixture
) -> None:
    """Who, with which token, what, in which request: enough to ask, and nothing to steal."""
    token = admin_token("keys:manage")
    with caplog.at_level(logging.INFO, logger="backend"):
        answer = client.delete("/v1/admin/keys/of-somebody", headers=bearer(token))

    (line,) = [each for each in caplog.records if each.getMessage().startswith("Administrator")]
    assert line.getMessage().startswith("Administrator 'tester', token 'token-")
    assert line.getMessage().endswith(": DELETE /v1/admin/keys/{name}")
    assert vars(line)["request_id"] == answer.headers["x-request-id"]
    assert token not in caplog.text
    assert "of-somebody" not in caplog.text


@pytest.mark.parametrize("settings_overrides", [{"n0": 1}])
def test_judgements_are_counted_by_day_and_route(keeper: TestClient, clock: FakeClock) -> None:
    """Days are those of the service's zone in which a ride was received."""
    unsure, device = make_ride_segment(confidence=0.1), make_device()
    good = make_ride_segment()
    for route in ("335E", "335E", None):
        ride = make_ride([good, unsure], route_id=route, device_id=device)
        assert send(keeper, ride).status_code == 200
    clock.advance(timedelta(hours=15))  # 00:00 of the next day in Kolkata is 18:30 UTC
    send(keeper, make_ride([unsure], route_id="335E"))
    clock.advance(timedelta(hours=-15))

    answer = keeper.get("/v1/admin/rejections", params={"from": "2026-03-04", "to": "2026-03-05"})

    nothing = dict.fromkeys(("accepted", "widened", "low_confidence", "outlier", "device_share"), 0)
    # A device alone is worth one observation, as much as the timetable.
    assert answer.json() == {
        "from": "2026-03-04",
        "to": "2026-03-05",
        "rows": [
            {
                "day": "2026-03-04",
                "route_id": "335E",
                "counts": nothing | {"accepted": 1, "low_confidence": 2, "device_share": 1},
            },
            {
                "day": "2026-03-04",
                "route_id": None,
                "counts": nothing | {"low_confidence": 1, "device_share": 1},
            },
            {"day": "2026-03-05", "route_id": "335E", "counts": nothing | {"low_confidence": 1}},
        ],
        "truncated": False,
    }


def test_without_dates_the_last_seven_days_are_counted(
    client: TestClient, clock: FakeClock
) -> None:
    """Today, by the injected clock, and the six days before."""
    send(client, travel(make_segment(), 300))
    clock.advance(timedelta(days=6))
    found = []
    for _ in range(2):
        answer = client.get("/v1/admin/rejections", headers=stats(clock)).json()
        found.append((answer["from"], answer["to"], len(answer["rows"])))
        clock.advance(timedelta(days=1))

    assert found == [("2026-03-04", "2026-03-10", 1), ("2026-03-05", "2026-03-11", 0)]


def stats(clock: FakeClock) -> dict[str, str]:
    """Sign a token at the present moment, by the command that operators use."""
    variables = {"BMTC_ADMIN_KEYS": TEST_ADMIN_KEYS}
    with redirect_stdout(io.StringIO()) as out:
        main(["admin-token", "--scope", "stats:read"], variables, clock)
    return bearer(out.getvalue().strip())


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-03-05&to=2026-03-04",
        "from=2026-02-01&to=2026-03-04",
        "from=soon",
        "to=0001-01-03",
        "from=0001-01-01&to=0001-01-02",
        "from=9999-12-31&to=9999-12-31",
    ],
)
def test_a_time_that_cannot_be_counted_is_refused(keeper: TestClient, query: str) -> None:
    """422: backwards, more than 31 days, no date, or at the end of all dates."""
    answer = keeper.get(f"/v1/admin/rejections?{query}")

    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")


def test_an_answer_has_at_most_a_thousand_rows(keeper: TestClient, database: Database) -> None:
    """A phone may name any route it likes; what is left out is said to be."""
    now = datetime.fromisoformat("2026-03-04T03:30:00+00:00")
    with database.writing() as tx:
        tx.execute(tx.schema.segments.insert(), {"id": 1, "from_stop": "a", "to_stop": "b"})
        rides = [
            {"id": n, "device": "d", "route_id": f"r{n}", "received_at": now} for n in range(1001)
        ]
        tx.execute(tx.schema.rides.insert(), rides)
        seen: dict[str, object] = {"position": 0, "segment": 1, "bin": 0, "seconds": 1.0}
        seen |= {"confidence": 1.0, "started_at": now, "judgement": "accepted"}
        tx.execute(tx.schema.observations.insert(), [seen | {"ride": ride["id"]} for ride in rides])

    answer = keeper.get("/v1/admin/rejections").json()

    assert (len(answer["rows"]), answer["truncated"]) == (1000, True)


def test_a_feed_takes_the_place_of_the_timetable(
    keeper: TestClient, database: Database, city_zip: bytes
) -> None:
    """The zip as the body, and the answer counts what it held."""
    old = make_stops(2)
    with database.writing() as transaction:
        save_feed(transaction, make_feed(old))

    answer = keeper.post("/v1/admin/feed", content=city_zip)

    assert answer.status_code == 200
    told = answer.json()
    assert (told.pop("changed"), told.pop("trips") > 0) == (True, True)
    assert told == {
        "version": "city 1, 2026-03-04",
        "routes": 3,
        "patterns": 6,
        "segments": 42,
        "entries": 6720,
        "last_day": "2027-03-04",
    }
    assert ask(keeper, Segment(*build_city(1).commute.ends)).status_code == 200
    assert ask(keeper, Segment(*old)).status_code == 404


def test_who_listens_hears_of_a_new_timetable(keeper: TestClient, city_zip: bytes) -> None:
    """Nobody knew the way before; the same feed again is no news."""
    line = build_city(1).commute
    one, other = line.stops[:2]
    segments = [{"from": one, "to": other}]
    with keeper.websocket_connect("/v1/eta/live") as session:
        session.send_json({"type": "subscribe", "segments": segments})
        assert session.receive_json()["type"] == "subscribed"
        assert session.receive_json()["estimate"] is None
        for _ in range(2):
            assert keeper.post("/v1/admin/feed", content=city_zip).status_code == 200
        assert session.receive_json()["estimate"]["p50_seconds"] == line.seconds[0]
        send(keeper, travel(Segment(one, other), line.seconds[0]), api_key=TEST_API_KEY)
        assert session.receive_json()["estimate"]["observations"] == 1


def test_retention_takes_a_step_and_says_what_it_took(
    client: TestClient, admin_token: Token, clock: FakeClock
) -> None:
    """What was learned stays."""
    segment = make_segment()
    sent = 3
    for _ in range(sent):
        assert send(client, travel(segment, 300)).status_code == 200
    before = ask(client, segment).json()["p50_seconds"]
    clock.advance(timedelta(days=90))

    answers = [
        client.post("/v1/admin/retention", headers=bearer(admin_token("retention:run")))
        for _ in range(2)
    ]

    assert [(each.status_code, each.json()) for each in answers] == [
        (200, {"rides": sent, "answers": sent, "more": False}),
        (200, {"rides": 0, "answers": 0, "more": False}),
    ]
    assert ask(client, segment).json()["p50_seconds"] == before


def test_a_step_of_retention_is_bounded_and_says_that_there_is_more(
    client: TestClient, admin_token: Token, database: Database, clock: FakeClock
) -> None:
    with database.writing() as tx:
        rides = [{"device": "d", "received_at": clock.now()}] * (PER_STEP + 1)
        tx.execute(tx.schema.rides.insert(), rides)
    clock.advance(timedelta(days=90))
    headers = bearer(admin_token("retention:run"))

    answers = [client.post("/v1/admin/retention", headers=headers).json() for _ in range(2)]

    assert answers == [
        {"rides": PER_STEP, "answers": 0, "more": True},
        {"rides": 1, "answers": 0, "more": False},
    ]


def broken_zip() -> bytes:
    """Write a zip that has a table that is none."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        archive.writestr("routes.txt", "route_name\n1\n")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "feed.zip: the file cannot be read as a zip"),
        (b"no zip", "feed.zip: the file cannot be read as a zip"),
        (broken_zip(), "routes.txt"),
    ],
    ids=["nothing", "no zip", "no column"],
)
def test_a_broken_feed_changes_nothing(
    keeper: TestClient, database: Database, content: bytes, words: str
) -> None:
    """422 with what is wrong with the feed, and no word about where it lay."""
    stops = make_stops(2)
    with database.writing() as transaction:
        save_feed(transaction, make_feed(stops))

    answer = keeper.post("/v1/admin/feed", content=content)

    assert (answer.status_code, answer.json()["error"]) == (422, "feed_refused")
    assert answer.json()["message"].startswith(words)
    assert ask(keeper, Segment(*stops)).status_code == 200


@pytest.mark.parametrize("settings_overrides", [{"max_feed_mib": 1}])
def test_a_feed_may_be_as_long_as_allowed_and_no_longer(keeper: TestClient) -> None:
    """413 beyond the limit, which is far above that of a ride; elsewhere a ride's still holds."""
    most = b" " * 2**20
    statuses = [
        keeper.post(path, content=body).status_code
        for path, body in (
            ("/v1/admin/feed", most),
            ("/v1/admin/feed", most + b" "),
            ("/v1/admin/keys", most),
        )
    ]

    assert statuses == [422, 413, 413]


@pytest.mark.parametrize("settings_overrides", [{"max_feed_mib": 1}])
@pytest.mark.usefixtures("client")  # starts the app
async def test_a_feed_that_turns_out_too_long_is_not_read_to_its_end(
    app: FastAPI, admin_token: Token
) -> None:
    """413 for a body that says no length, at the limit."""
    read = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        for read in range(1, 100):  # noqa: B007 - what the outside sees
            yield b" " * 2**16

    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://x") as client:
        answer = await client.post(
            "/v1/admin/feed", content=pieces(), headers=bearer(admin_token("feed:write"))
        )

    assert (answer.status_code, answer.json()["error"]) == (413, "body_too_large")
    assert read == 17


@pytest.mark.usefixtures("client")  # starts the app
async def test_a_feed_that_breaks_off_is_no_failure_of_ours(
    app: FastAPI, admin_token: Token
) -> None:
    """400, for whoever still listens, and not a traceback in the log."""
    arriving: list[MutableMapping[str, Any]] = [
        {"type": "http.request", "body": b"PK", "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return arriving.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [(b"authorization", bearer(admin_token("feed:write"))["Authorization"].encode())]
    scope = {"type": "http", "method": "POST", "path": "/v1/admin/feed", "query_string": b""}
    await app(scope | {"headers": headers}, receive, send)

    assert sent[0]["status"] == 400
    assert b"broke off" in sent[1]["body"]


def test_the_command_signs_a_token_that_is_good_for_as_long_as_it_was_told(
    client: TestClient, clock: FakeClock
) -> None:
    """15 minutes unless told otherwise, for the scopes named."""
    headers = stats(clock)
    clock.advance(timedelta(minutes=15, seconds=-1))
    assert client.get("/v1/admin/rejections", headers=headers).status_code == 200
    assert client.get("/v1/admin/keys", headers=headers).status_code == 403
    clock.advance(timedelta(seconds=1))
    assert client.get("/v1/admin/rejections", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        ([], {}, "required: --scope"),
        (["--scope", "everything"], {}, "invalid choice: 'everything'"),
        (["--scope", "stats:read"], {}, "BMTC_ADMIN_KEYS is not set"),
        (["--scope", "stats:read", "--minutes", "61"], {"KEYS": TEST_ADMIN_KEYS}, "1 to 60"),
        (["--scope", "stats:read", "--minutes", "0"], {"KEYS": TEST_ADMIN_KEYS}, "1 to 60"),
    ],
    ids=["no scope", "no such scope", "no key", "too long", "no time"],
)
def test_a_token_that_cannot_be_signed_is_told_in_one_sentence(
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    variables: dict[str, str],
    words: str,
) -> None:
    """Exit 2, nothing on stdout, one line on stderr, and no secret in it."""
    environ = {f"BMTC_ADMIN_{name}": value for name, value in variables.items()}
    assert main(["admin-token", *arguments], environ, FakeClock()) == 2

    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert words in err
    assert "a-secret" not in err
