"""Rides that are stored in one transaction: each is answered for itself, as if it had come alone."""

import json

import pytest
from fastapi import FastAPI, Response
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from backend.api.errors import ApiError
from backend.api.models import RideSummary, Submission
from backend.api.rides import Answer, submit_all
from backend.core.errors import RideRefusedError
from backend.core.rides import Ride
from backend.core.storage import Database
from tests.factories import make_device, make_ride, make_ride_segment, make_segment, ride_body
from tests.integration.phone import eta, send, travel


@pytest.fixture
def settings_overrides() -> dict[str, object]:
    return {"rate_limit_rides": 2}


def submission(key: str, ride: Ride) -> Submission:
    return Submission(key, RideSummary.model_validate_json(json.dumps(ride_body(ride))))


def together(app: FastAPI, *rides: tuple[str, Ride]) -> tuple[Answer, ...]:
    return submit_all(app.state.services, [submission(key, ride) for key, ride in rides])


def test_each_ride_of_a_group_is_answered_for_itself(client: TestClient, app: FastAPI) -> None:
    segment, device = make_segment(), make_device()
    before = send(client, travel(segment, 300), key="before")
    first = travel(segment, 310, device_id=device)
    answers = together(
        app,
        ("before", first),
        ("one", first),
        ("wrong", make_ride([make_ride_segment(seconds=0.5)], device_id=device)),
        ("one", first),
        ("two", travel(segment, 320, device_id=device)),
        ("three", travel(segment, 330, device_id=device)),
        ("wrong", travel(segment, 340)),
    )

    conflict, one, wrong, replay, two, too_many, mended = answers
    assert isinstance(conflict, ApiError)
    assert conflict.error == "idempotency_conflict"
    assert isinstance(wrong, RideRefusedError)
    assert isinstance(too_many, ApiError)
    assert (too_many.error, (too_many.headers or {})["RateLimit-Remaining"]) == (
        "too_many_rides",
        "0",
    )
    for answer in (one, replay, two, mended):
        assert isinstance(answer, Response)
        assert answer.body == before.content
    assert isinstance(replay, Response)
    assert replay.headers["idempotency-replayed"] == "true"
    assert eta(client, segment)["observations"] == 4


def test_a_group_in_which_nothing_is_let_in_stores_nothing(
    client: TestClient,  # noqa: ARG001 - the service runs under it
    app: FastAPI,
    database: Database,
) -> None:
    wrong = make_ride([make_ride_segment(seconds=0.5)])
    assert [type(each) for each in together(app, ("one", wrong), ("two", wrong))] == [
        RideRefusedError,
        RideRefusedError,
    ]
    with database.reading() as tx:
        for table in (tx.schema.rides, tx.schema.answers, tx.schema.buckets, tx.schema.segments):
            assert tx.execute(select(func.count()).select_from(table)).scalar_one() == 0


def test_what_was_let_in_is_counted_ride_by_ride(client: TestClient, app: FastAPI) -> None:
    segment = make_segment()
    together(app, ("one", travel(segment, 300)), ("two", travel(segment, 310, confidence=0.1)))

    told = client.get("/metrics").text
    assert "bus_times_rides_total 2.0" in told
    assert 'bus_times_segments_total{judgement="learned"} 1.0' in told
    assert 'bus_times_segments_total{judgement="low_confidence"} 1.0' in told
