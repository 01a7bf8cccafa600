"""The assembled service over HTTP and a real database file: what phones send comes out as ETAs."""

import os
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute

from backend.api.app import create_app
from backend.api.models import Envelope
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.storage import Database
from backend.core.store import save_feed
from tests.factories import (
    START,
    TEST_API_KEY,
    FakeClock,
    make_feed,
    make_ride,
    make_ride_segment,
    make_segment,
    make_stops,
)
from tests.integration.phone import ask, eta, receipt, send, travel


def test_a_new_service_knows_nothing(client: TestClient) -> None:
    """Without a timetable and without rides there is no estimate, and the service says so."""
    assert ask(client, make_segment()).status_code == 404


def test_one_ride_is_enough_for_an_estimate(client: TestClient) -> None:
    """Where no timetable is known, the first ride alone says how long the way takes."""
    segment = make_segment()

    assert receipt(send(client, travel(segment, 420))) == {"accepted": 1, "rejected": []}

    answer = eta(client, segment)
    assert (answer["p50_seconds"], answer["observations"]) == (420, 1)


def test_the_timetable_answers_until_somebody_has_travelled(
    client: TestClient, database: Database
) -> None:
    """With a feed and no rides the estimate is the timetable's, and says that nothing was observed."""
    stops = make_stops(2)
    with database.writing() as transaction:
        save_feed(transaction, make_feed(stops, seconds=240))

    answer = eta(client, Segment(*stops))

    assert (answer["mean_seconds"], answer["observations"], answer["weight"]) == (240, 0, 0)


@pytest.mark.parametrize("settings_overrides", [{"n0": 3}])
def test_rides_pull_the_estimate_away_from_the_timetable(
    client: TestClient, database: Database
) -> None:
    """One ride against a timetable worth three observations moves the mean by a quarter."""
    stops = make_stops(2)
    with database.writing() as transaction:
        save_feed(transaction, make_feed(stops, seconds=240))

    send(client, travel(Segment(*stops), 400))

    answer = eta(client, Segment(*stops))
    assert (answer["mean_seconds"], answer["weight"]) == (280, 0.25)


def test_a_trip_adds_up_its_segments(client: TestClient, database: Database) -> None:
    """The way from the first to the last stop of a route takes the sum of its segments."""
    stops = make_stops(4)
    with database.writing() as transaction:
        save_feed(transaction, make_feed(stops, seconds=240))

    answer = eta(client, Segment(stops[0], stops[3]), at=START)

    assert answer["mean_seconds"] == 3 * 240
    ends = [(leg["from_stop"], leg["to_stop"]) for leg in answer["segments"]]
    assert ends == list(pairwise(stops))
    starts = [datetime.fromisoformat(leg["leaving_at"]) for leg in answer["segments"]]
    assert starts == [START + timedelta(seconds=240 * number) for number in range(3)]


def test_the_bus_does_not_go_backwards(client: TestClient, database: Database) -> None:
    """A route that leads from A to B says nothing about the way from B to A."""
    first, last = make_stops(2)
    with database.writing() as transaction:
        save_feed(transaction, make_feed((first, last)))

    assert ask(client, Segment(last, first)).status_code == 404


def test_an_unsure_segment_is_reported_and_the_others_are_learned(client: TestClient) -> None:
    """Low map-matching confidence keeps one segment out of the estimate, not the whole ride."""
    sure, unsure = make_segment(), make_segment()
    ride = make_ride([make_ride_segment(sure), make_ride_segment(unsure, confidence=0.69)])

    answer = receipt(send(client, ride))

    assert answer == {"accepted": 1, "rejected": [{"index": 1, "reason": "low_confidence"}]}
    assert ask(client, sure).status_code == 200
    assert ask(client, unsure).status_code == 404


def test_a_ride_is_taken_as_a_whole_or_not_at_all(client: TestClient) -> None:
    """A ride with one impossible segment is refused, and its good segments are not learned either."""
    good = make_segment()
    ride = make_ride([make_ride_segment(good), make_ride_segment(seconds=7201)])

    response = send(client, ride)

    assert response.status_code == 422
    assert [detail["segment"] for detail in response.json()["details"]] == [1]
    assert ask(client, good).status_code == 404


@pytest.mark.parametrize("settings_overrides", [{"max_segments_per_ride": 2}])
def test_a_test_chooses_its_own_settings(client: TestClient) -> None:
    """The limits in force are those of the settings that this app was given."""
    assert client.get("/v1/config").json()["max_segments_per_ride"] == 2
    response = send(client, make_ride([make_ride_segment() for _ in range(3)]))
    assert (response.status_code, response.json()["message"]) == (
        422,
        "The ride has 3 segments; at most 2 are allowed.",
    )


def test_what_was_learned_survives_a_restart(settings: Settings, clock: FakeClock) -> None:
    """A second app on the same file answers from what the first one learned."""
    segment = make_segment()
    with TestClient(create_app(settings, clock=clock)) as first:
        send(first, travel(segment, 333))

    with TestClient(create_app(settings, clock=clock)) as second:
        assert eta(second, segment)["p50_seconds"] == 333


def test_health_counts_from_the_start_that_the_clock_showed(
    client: TestClient, clock: FakeClock
) -> None:
    """The lifespan records the start by the injected clock, and uptime is measured by it."""
    clock.advance(timedelta(hours=2))

    answer = client.get("/v1/health").json()

    assert datetime.fromisoformat(answer.pop("started_at")) == START
    assert answer == {"status": "ok", "database": "ok", "uptime_seconds": 7200}


def test_the_configuration_is_public_but_for_the_key_and_the_file(
    client: TestClient,
) -> None:
    """GET /v1/config shows every setting but the key and the place of the database."""
    shown = client.get("/v1/config").json()

    private = {"admin_keys", "api_key", "db_path", "database_url"}
    assert shown.keys() == Settings.model_fields.keys() - private
    assert shown["n0"] == 20
    assert TEST_API_KEY not in str(shown)
    assert "a-secret" not in str(shown)


def test_the_document_of_the_api_names_every_route_and_who_needs_the_key(
    client: TestClient,
) -> None:
    """OpenAPI lists all routes, and a Bearer key or token for those that write or are an administrator's."""
    paths: Mapping[str, Mapping[str, Mapping[str, object]]]
    paths = client.get("/openapi.json").json()["paths"]

    asks = {path: "security" in how for path, ways in paths.items() for how in ways.values()}
    administrators = {path: asks.pop(path) for path in tuple(asks) if "/admin/" in path}

    assert administrators == {
        "/v1/admin/keys": True,
        "/v1/admin/keys/{name}": True,
        "/v1/admin/rejections": True,
        "/v1/admin/feed": True,
        "/v1/admin/retention": True,
    }
    assert asks == {
        "/v1/ride_summary": True,
        "/v1/eta": False,
        "/v1/config": False,
        "/v1/health": False,
        "/v1/stops": False,
        "/v1/stops/{stop_id}/schedule": False,
        "/v1/routes": False,
        "/v1/routes/search": False,
        "/v1/live": False,
        "/v1/ready": False,
        "/metrics": False,
        "/v1/accuracy": False,
        "/v1/gtfs-realtime/trip-updates": False,
    }


def test_the_document_of_the_api_tells_the_refusals(client: TestClient) -> None:
    """OpenAPI lists every status that a route answers with, and our envelope for all failures."""
    document = client.get("/openapi.json").json()
    listed = {
        f"{method.upper()} {path}" if "/admin/" in path else path: {
            status: answer["content"] for status, answer in how["responses"].items()
        }
        for path, ways in document["paths"].items()
        for method, how in ways.items()
    }

    assert {path: " ".join(sorted(answers)) for path, answers in listed.items()} == {
        "/v1/ride_summary": "200 400 401 409 413 422 429 500 503",
        "/v1/eta": "200 404 413 422 500 503",
        "/v1/config": "200 413 500",
        "/v1/health": "200 413 500 503",
        "POST /v1/admin/keys": "201 400 401 403 409 413 422 500 503",
        "GET /v1/admin/keys": "200 401 403 413 500 503",
        "DELETE /v1/admin/keys/{name}": "200 401 403 404 413 422 500 503",
        "GET /v1/admin/rejections": "200 401 403 413 422 500 503",
        "POST /v1/admin/feed": "200 400 401 403 413 422 500 503",
        "POST /v1/admin/retention": "200 401 403 413 500 503",
        "/v1/stops": "200 404 413 422 500 503",
        "/v1/stops/{stop_id}/schedule": "200 404 413 422 500 503",
        "/v1/routes": "200 413 422 500 503",
        "/v1/routes/search": "200 413 422 500 503",
        "/v1/live": "200 413 500",
        "/v1/ready": "200 413 500 503",
        "/metrics": "200 413 500",
        "/v1/accuracy": "200 413 422 500 503",
        "/v1/gtfs-realtime/trip-updates": "200 404 413 422 500 503",
    }
    envelope = {"application/json": {"schema": {"$ref": "#/components/schemas/Envelope"}}}
    for answers in listed.values():
        assert all(
            answers[status] == envelope for status in answers if status not in {"200", "201"}
        )
    assert "HTTPValidationError" not in document["components"]["schemas"]
    answer = ask(client, make_segment())
    assert Envelope.model_validate(answer.json()).error == "no_estimate"


def test_two_apps_with_different_settings_live_side_by_side(
    make_settings: Callable[..., Settings], clock: FakeClock, routes: tuple[BaseRoute, ...]
) -> None:
    """Each app goes by its own settings, and by its own key, even where both were given the same routes."""
    one, other = (
        create_app(make_settings(db_path=":memory:", **own), clock=clock, routes=routes)
        for own in ({"n0": 1}, {"n0": 2, "api_key": "another-key-for-tests"})
    )
    segment = make_segment()
    with TestClient(one) as first, TestClient(other) as second:
        assert send(first, travel(segment, 100)).status_code == 200
        assert send(second, travel(segment, 100)).status_code == 401
        assert send(second, travel(segment, 100), api_key="another-key-for-tests").is_success
        assert eta(first, segment)["weight"] == pytest.approx(1 / 2)
        assert eta(second, segment)["weight"] == pytest.approx(1 / 3, abs=0.001)


def test_an_app_that_was_not_started_says_so(app: FastAPI) -> None:
    """A client that skips the lifespan gets an explanation, not an attribute error."""
    with pytest.raises(RuntimeError, match="lifespan did not run"):
        TestClient(app).get("/v1/health")


def test_the_variable_that_test_idempotency_sets_is_not_seen_here() -> None:
    """What a test changes in its `environ` is gone when the next one runs, whatever the order."""
    assert os.environ.get("BMTC_IDEMPOTENCY_TTL_HOURS") != "200"
