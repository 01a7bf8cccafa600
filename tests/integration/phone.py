"""What a rider's phone and a waiting passenger do: a few lines of HTTP that the tests share."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx2

from backend.core.rides import Ride, RideSegment, Segment
from tests.factories import START, TEST_API_KEY, make_ride, make_ride_segment, ride_body, unique_id


def send(
    client: httpx2.Client, ride: Ride, *, key: str | None = None, api_key: str = TEST_API_KEY
) -> httpx2.Response:
    """Post a ride, under a new idempotency key unless one is given."""
    return client.post("/v1/ride_summary", json=ride_body(ride), headers=headers(key, api_key))


def headers(key: str | None = None, api_key: str = TEST_API_KEY) -> dict[str, str]:
    return {"Authorization": f"Bearer {api_key}", "Idempotency-Key": key or unique_id("key")}


def travel(
    segment: Segment,
    seconds: float,
    *,
    device_id: str | None = None,
    at: datetime = START,
    confidence: float = 0.9,
) -> Ride:
    """Make a ride over a single segment, of a new device unless one is given."""
    part: RideSegment = make_ride_segment(
        segment, seconds=seconds, started_at=at, confidence=confidence
    )
    return make_ride([part], device_id=device_id)


def receipt(response: httpx2.Response) -> dict[str, Any]:
    """Return the answer to a ride that must have been taken."""
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def ask(client: httpx2.Client, segment: Segment, *, at: datetime | None = None) -> httpx2.Response:
    """Ask how long it takes between the ends of a segment (or of a longer way)."""
    query = {"from": segment.from_stop, "to": segment.to_stop}
    if at is not None:
        query["at"] = at.isoformat()
    return client.get(f"/v1/eta?{urlencode(query)}")


def eta(client: httpx2.Client, segment: Segment, *, at: datetime | None = None) -> dict[str, Any]:
    """Return the estimate that there must be."""
    response = ask(client, segment, at=at)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer
