"""Makers of test data: every id is new, every other value has a good default.

Ids come from `uuid4`, which no seed reaches: pytest-randomly gives `random` the same seed in
every test, so that `random` would make the same "unique" ids again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from uuid import uuid4

from pydantic import SecretStr

from backend.core.admin_keys import AdminKey
from backend.core.bins import DayKind, TimeBin
from backend.core.learning import Cell, Observation
from backend.core.rides import Ride, RideSegment, Segment
from backend.core.schedule import Service
from backend.core.settings import MEMORY, POSTGRES, Settings
from backend.core.timetable import (
    Call,
    Feed,
    Pattern,
    RouteLine,
    StopPlace,
    TimetableEntry,
    TripPlan,
)
from backend.tools.city import ride_body as ride_body  # noqa: PLC0414 - given on to the tests

if TYPE_CHECKING:
    from backend.core.store import StoredAnswer

TEST_API_KEY = "a-key-for-tests-only"
TEST_ADMIN_KEYS = (
    "new:a-secret-for-tests-only-that-signs-tokens,old:a-secret-for-tests-only-that-signed-once"
)
START = datetime(2026, 3, 4, 3, 30, tzinfo=UTC)
"""A Wednesday, 09:00 in Kolkata."""


class FakeClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        self._now += by


def unique_id(prefix: str) -> str:
    return f"{prefix}-{uuid4().hex[:12]}"


def make_settings(**overrides: object) -> Settings:
    defaults: dict[str, object] = {
        "api_key": SecretStr(TEST_API_KEY),
        "admin_keys": SecretStr(TEST_ADMIN_KEYS),
        "db_path": MEMORY,
    }
    return Settings.model_validate(defaults | overrides)


def database_settings(address: str) -> dict[str, str]:
    """Return the setting by which a service finds a database, given what `open_database` would be."""
    return {"database_url" if address.startswith(POSTGRES) else "db_path": address}


def make_device() -> str:
    return unique_id("device")


def make_stops(count: int) -> tuple[str, ...]:
    return tuple(unique_id("stop") for _ in range(count))


def make_segment() -> Segment:
    return Segment(*make_stops(2))


def make_ride_segment(
    segment: Segment | None = None,
    *,
    seconds: float = 300.0,
    confidence: float = 0.9,
    started_at: datetime = START,
) -> RideSegment:
    return RideSegment(segment or make_segment(), seconds, confidence, started_at)


def make_ride(
    segments: Sequence[RideSegment] | None = None,
    *,
    device_id: str | None = None,
    route_id: str | None = None,
) -> Ride:
    """Make a ride; without segments given, of three that follow each other and end at START."""
    if segments is None:
        segments = [
            make_ride_segment(Segment(*ends), started_at=START - timedelta(minutes=minutes))
            for ends, minutes in zip(pairwise(make_stops(4)), (15, 10, 5), strict=True)
        ]
    return Ride(device_id or make_device(), route_id, tuple(segments))


def make_feed(
    stops: Sequence[str] | None = None,
    *,
    seconds: float = 240.0,
    bins: Sequence[TimeBin] | None = None,
) -> Feed:
    """Make a timetable of one route: a departure in every bin, the same duration everywhere."""
    way = tuple(stops or make_stops(4))
    if bins is None:
        bins = [TimeBin(day, quarter) for day in DayKind for quarter in range(96)]
    return Feed(
        patterns=(Pattern(unique_id("route"), way),),
        entries=tuple(
            TimetableEntry(Segment(*ends), time_bin, seconds, departures=1)
            for ends in pairwise(way)
            for time_bin in bins
        ),
    )


def make_pattern(*stops: str, route_id: str | None = None) -> Pattern:
    return Pattern(route_id or unique_id("route"), stops or make_stops(4))


def make_timetable_entry(
    segment: Segment | None = None,
    *,
    time_bin: TimeBin | None = None,
    seconds: float = 240.0,
    departures: int = 1,
) -> TimetableEntry:
    """Make what a timetable has for a segment; at nine on a weekday unless told otherwise."""
    return TimetableEntry(
        segment or make_segment(), time_bin or TimeBin(DayKind.WEEKDAY, 36), seconds, departures
    )


def make_stop_place(stop_id: str | None = None) -> StopPlace:
    name = stop_id or unique_id("stop")
    return StopPlace(name, f"Stop {name}", 12.97, 77.59)


def make_route_line(route_id: str | None = None) -> RouteLine:
    name = route_id or unique_id("route")
    return RouteLine(name, name, f"All along {name}", 3)


def make_service() -> Service:
    """Make the days from the week of START on, for four weeks, all of them."""
    first_day = START.date() - timedelta(days=START.weekday())
    return Service(0b1111111, first_day, first_day + timedelta(days=27))


def make_trip_plan(*stops: str, starts: int = 9 * 3600, seconds: int = 240) -> TripPlan:
    """Make a trip that calls at its stops at equal times, and waits nowhere."""
    calls = (
        Call(stop, moment, moment)
        for number, stop in enumerate(stops or make_stops(4))
        for moment in [starts + number * seconds]
    )
    return TripPlan(
        unique_id("trip"), unique_id("route"), unique_id("service"), "Centre", tuple(calls)
    )


def make_observation(
    seconds: float = 300.0,
    *,
    at: datetime = START,
    device: str | None = None,
    confidence: float = 0.9,
) -> Observation:
    return Observation(seconds, at, device or make_device(), confidence)


def make_cell(
    weight: float = 1.0, mean: float = 300.0, *, spread_sum: float = 0.0, as_of: datetime = START
) -> Cell:
    """Make what is known after so many observations."""
    return Cell(weight, mean, spread_sum, as_of)


def make_answer(fingerprint: str | None = None) -> "StoredAnswer":
    """Make the answer to a ride of one segment, which was learned."""
    from backend.core.store import StoredAnswer  # noqa: PLC0415 - most tests do without SQLAlchemy

    body = b'{"accepted":1,"rejected":[]}'
    return StoredAnswer(fingerprint or unique_id("fingerprint"), 200, body)


def make_admin_key(kid: str | None = None) -> AdminKey:
    return AdminKey(kid or unique_id("kid"), unique_id("a-secret-that-signs-tokens"))
