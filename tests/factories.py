"""Makers of test data: every id is new, every other value has a good default.

Ids come from `uuid4`, which no seed reaches: pytest-randomly gives `random` the same seed in
every test, so that `random` would make the same "unique" ids again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

from pydantic import SecretStr

from backend.core.bins import DayKind, TimeBin
from backend.core.rides import Ride, RideSegment, Segment
from backend.core.settings import MEMORY, POSTGRES, Settings
from backend.core.timetable import Feed, Pattern, TimetableEntry
from backend.tools.city import ride_body as ride_body  # noqa: PLC0414 - given on to the tests

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
