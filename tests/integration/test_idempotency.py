"""A ride counts once, however often a phone in a tunnel has to send it."""

import json
from collections.abc import MutableMapping
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from backend.api.app import create_app
from backend.core.rides import Ride
from backend.core.settings import CLOCK_SKEW, Settings, read_settings
from tests.factories import START, TEST_API_KEY, FakeClock, make_segment, ride_body, unique_id
from tests.integration.phone import ask, eta, headers, send, travel

WINDOW, TTL = timedelta(days=7), timedelta(hours=192)
REPLAYED = "idempotency-replayed"


@pytest.fixture
def key() -> str:
    return unique_id("key")


@pytest.fixture
def ride() -> Ride:
    return travel(make_segment(), 300)


def test_the_same_ride_again_gets_the_first_answer_byte_for_byte(
    client: TestClient, key: str, ride: Ride
) -> None:
    """A repeated submission is answered with the stored bytes, and marked as a replay."""
    first, second = send(client, ride, key=key), send(client, ride, key=key)

    assert second.content == first.content
    assert (first.status_code, second.status_code) == (200, 200)
    assert REPLAYED not in first.headers
    assert second.headers[REPLAYED] == "true"


def test_the_same_ride_again_is_not_learned_again(client: TestClient, key: str) -> None:
    """Three submissions under one key leave one observation."""
    segment = make_segment()
    ride = travel(segment, 300)

    for _ in range(3):
        send(client, ride, key=key)

    assert eta(client, segment)["observations"] == 1


def test_two_keys_are_two_rides(client: TestClient) -> None:
    """The body does not matter for telling rides apart: the key alone does."""
    segment = make_segment()
    ride = travel(segment, 300)

    for _ in range(2):
        send(client, ride)

    assert eta(client, segment)["observations"] == 2


def test_the_same_key_for_another_ride_is_a_conflict(
    client: TestClient, key: str, ride: Ride
) -> None:
    """A key that belongs to another body is refused, and nothing of the new body is learned."""
    segment = make_segment()
    send(client, ride, key=key)

    response = send(client, travel(segment, 300), key=key)

    assert (response.status_code, response.json()["error"]) == (409, "idempotency_conflict")
    assert ask(client, segment).status_code == 404


def test_after_a_conflict_the_first_answer_still_stands(
    client: TestClient, key: str, ride: Ride
) -> None:
    """A conflict changes nothing about the ride that the key belongs to."""
    first = send(client, ride, key=key)
    send(client, travel(make_segment(), 300), key=key)

    assert send(client, ride, key=key).content == first.content


def test_the_spelling_of_a_body_does_not_matter(client: TestClient, key: str, ride: Ride) -> None:
    """Spaces, the order of the fields and a spelled-out null make no other body."""
    body = ride_body(ride)
    respelled = json.dumps(dict(reversed((body | {"route_id": None}).items())), indent=3)
    first = send(client, ride, key=key)

    second = client.post(
        "/v1/ride_summary",
        content=respelled,
        headers=headers(key) | {"Content-Type": "application/json"},
    )

    assert (second.status_code, second.content) == (200, first.content)


def test_the_first_answer_stands_after_the_world_has_changed(client: TestClient, key: str) -> None:
    """A replay repeats what was said then, although the ride would be judged differently now."""
    segment = make_segment()
    ride = travel(segment, 900)
    first = send(client, ride, key=key)
    for _ in range(10):
        send(client, travel(segment, 300))
    assert send(client, travel(segment, 2000)).json()["accepted"] == 0

    assert send(client, ride, key=key).content == first.content
    assert first.json()["accepted"] == 1


@pytest.mark.parametrize(
    ("age", "status"),
    [(TTL - timedelta(seconds=1), 409), (TTL, 200)],
    ids=["just before", "at the end"],
)
def test_a_key_is_remembered_for_its_time_to_live(
    client: TestClient, clock: FakeClock, key: str, age: timedelta, status: int
) -> None:
    """A key is known until the time to live has passed; then it may name a new ride."""
    send(client, travel(make_segment(), 300), key=key)

    clock.advance(age)

    assert send(client, travel(make_segment(), 300, at=clock.now()), key=key).status_code == status


@pytest.mark.parametrize("settings_overrides", [{"half_life_days": 3650}])
def test_a_ride_counts_once_however_late_it_is_sent_again(
    client: TestClient, clock: FakeClock, key: str
) -> None:
    """A replay as long as the ride would be young enough, even of a phone whose clock is fast."""
    segment, fast = make_segment(), START + CLOCK_SKEW
    ride = travel(segment, 300, at=fast)
    first = send(client, ride, key=key)

    clock.advance(WINDOW - timedelta(minutes=1))
    late = send(client, ride, key=key)
    clock.advance(CLOCK_SKEW + timedelta(minutes=1))
    last = send(client, ride, key=key)
    clock.advance(TTL - WINDOW - CLOCK_SKEW)
    too_late = send(client, ride, key=key)

    assert (late.content, last.content) == (first.content, first.content)
    assert (late.headers[REPLAYED], last.headers[REPLAYED]) == ("true", "true")
    assert too_late.status_code == 422
    assert eta(client, segment, at=fast)["observations"] == pytest.approx(1, abs=0.01)


def test_a_refused_ride_does_not_use_up_its_key(client: TestClient, key: str) -> None:
    """A phone may correct a refused ride and send it under the same key."""
    segment = make_segment()
    assert send(client, travel(segment, 7201), key=key).status_code == 422

    assert send(client, travel(segment, 720), key=key).status_code == 200


def test_keys_are_remembered_across_a_restart(
    settings: Settings, clock: FakeClock, key: str, ride: Ride
) -> None:
    """A phone that repeats itself after the service was restarted still gets the first answer."""
    with TestClient(create_app(settings, clock=clock)) as before:
        first = send(before, ride, key=key)

    with TestClient(create_app(settings, clock=clock)) as after:
        second = send(after, ride, key=key)

    assert (second.content, second.headers[REPLAYED]) == (first.content, "true")


@pytest.mark.parametrize("length", [1, 255])
def test_any_visible_text_is_a_key(client: TestClient, ride: Ride, length: int) -> None:
    """Keys of 1 to 255 visible characters are accepted."""
    assert send(client, ride, key="~" * length).status_code == 200


def test_the_time_to_live_comes_from_the_environment_only_when_asked(
    environ: MutableMapping[str, str], client: TestClient
) -> None:
    """A variable reaches the settings through `read_settings`, and never an app that is running."""
    environ["BMTC_API_KEY"] = TEST_API_KEY
    environ["BMTC_IDEMPOTENCY_TTL_HOURS"] = "200"

    assert read_settings(environ).idempotency_ttl_hours == 200
    assert client.get("/v1/config").json()["idempotency_ttl_hours"] == 192
