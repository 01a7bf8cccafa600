"""What a timetable promises: the ways buses go, and how long each segment takes when."""

from dataclasses import dataclass
from itertools import groupby

from backend.core.bins import TimeBin
from backend.core.rides import Segment


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way that buses of a route go: its stops in order."""

    route_id: str
    stops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TimetableEntry:
    """How long a segment takes in a time bin, on the average of its departures there."""

    segment: Segment
    bin: TimeBin
    mean_seconds: float
    """From leaving the first stop to reaching the second."""
    departures: int


@dataclass(frozen=True, slots=True)
class Feed:
    """A whole timetable; each pattern, and each segment and bin, occurs once."""

    patterns: tuple[Pattern, ...]
    entries: tuple[TimetableEntry, ...]


@dataclass(frozen=True, slots=True)
class StopPlace:
    """A stop, and where it lies (WGS 84 degrees)."""

    stop_id: str
    name: str
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class RouteLine:
    """A route by its names, of which either may be empty."""

    route_id: str
    short_name: str
    long_name: str
    route_type: int
    """GTFS's number of what goes there: 3 is a bus."""


MOST_SEQUENCE = 2**31 - 1
"""The largest `stop_sequence` that is kept: what fits into a column of whole numbers."""


@dataclass(frozen=True, slots=True)
class Call:
    """A bus at a stop; seconds since noon minus 12 h of the service day."""

    stop_id: str
    arrival: int
    departure: int
    sequence: int | None = None
    """The timetable's `stop_sequence`; None where that is not known, or is more than `MOST_SEQUENCE`."""


@dataclass(frozen=True, slots=True)
class TripPlan:
    """One trip of a timetable, with its calls in order."""

    trip_id: str
    route_id: str
    service_id: str
    headsign: str | None
    calls: tuple[Call, ...]

    @property
    def pattern(self) -> Pattern:
        """The way it goes; a stop called at twice in a row is one."""
        return Pattern(
            self.route_id, tuple(stop for stop, _ in groupby(c.stop_id for c in self.calls))
        )
