"""What a phone tells about a ride, and the limits within which it is believed.

A ride that breaks a limit is refused as a whole, since a phone that is wrong about one segment is
not trusted on the next. Whether a segment of a ride within the limits is *learned* is another
question, answered per segment by `backend.core.learning` and reported in the receipt.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from backend.core.learning import Judgement
from backend.core.settings import CLOCK_SKEW, Settings

LEAST_DURATION = 1.0
"""Seconds that a segment takes at least: no bus is between two stops any sooner."""

LONGEST_ID = 100
"""Characters that the id of a stop, a route or a device may have."""


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """The way from one stop to the next."""

    from_stop: str
    to_stop: str


@dataclass(frozen=True, slots=True)
class RideSegment:
    """One segment as a phone travelled it."""

    segment: Segment
    seconds: float
    """From leaving the first stop to reaching the second."""
    confidence: float
    """How sure the map matching was, 0 to 1."""
    started_at: datetime
    """When the bus left the first stop; aware."""


@dataclass(frozen=True, slots=True)
class Ride:
    """One ride of one phone, in the order of travel."""

    device_id: str
    route_id: str | None
    segments: tuple[RideSegment, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """A limit that a ride breaks."""

    segment: int | None
    """The index of the segment at fault; None for the ride as a whole."""
    message: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """A segment that was stored but not learned."""

    index: int
    reason: Judgement


@dataclass(frozen=True, slots=True)
class RideReceipt:
    """What became of a ride: how many segments were learned, and why the others were not."""

    accepted: int
    rejected: tuple[Rejection, ...]


def pseudonym(device_id: str) -> str:
    """Return a name that tells devices apart without spelling them out: 16 hexadecimal digits.

    Whoever knows a device's id can still find its rides; this is tidiness, not anonymity.
    """
    return hashlib.blake2b(device_id.encode(), digest_size=8).hexdigest()


def judge_ride(ride: Ride, settings: Settings, now: datetime) -> tuple[Problem, ...]:
    """Return every limit that a ride breaks, one sentence each; none for a good ride.

    Of a ride with too many segments that alone is said.
    """
    return tuple(_problems(ride, settings, now))


def _problems(ride: Ride, settings: Settings, now: datetime) -> Iterator[Problem]:
    limit = settings.max_segments_per_ride
    if not ride.segments:
        yield Problem(None, "The ride has no segments; send at least one.")
    if len(ride.segments) > limit:
        yield Problem(
            None, f"The ride has {len(ride.segments)} segments; at most {limit} are allowed."
        )
        return
    for index, part in enumerate(ride.segments):
        for message in _segment_problems(part, settings, now):
            yield Problem(index, f"Segment {index} {message}")


def _segment_problems(part: RideSegment, settings: Settings, now: datetime) -> Iterator[str]:
    if part.segment.from_stop == part.segment.to_stop:
        yield f"leads from {part.segment.from_stop!r} to itself; name two different stops."
    if not (math.isfinite(part.seconds) and part.seconds >= LEAST_DURATION):
        yield f"took {part.seconds:g} s; a duration is at least {LEAST_DURATION:g} s."
    elif part.seconds > settings.max_duration_sec:
        yield f"took {part.seconds:g} s; at most {settings.max_duration_sec} s are allowed."
    if not 0 <= part.confidence <= 1:
        yield f"has the confidence {part.confidence:g}; a confidence lies between 0 and 1."
    if part.started_at.utcoffset() is None:
        yield "started at a time without a zone; add an offset such as +05:30."
    elif part.started_at < now - settings.observation_window:
        yield (
            f"started at {part.started_at.isoformat()}; rides are accepted for "
            f"{settings.observation_window_days:g} days."
        )
    elif part.started_at > now + CLOCK_SKEW:
        yield (
            f"started at {part.started_at.isoformat()}, which is in the future; "
            "set the phone's clock."
        )
