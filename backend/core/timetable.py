"""What a timetable promises: the ways buses go, and how long each segment takes when."""

from dataclasses import dataclass

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
