"""A seeded little city: its lines, its optimistic timetable, and riders who meet the real traffic.

Everything is a function of the seed, a date and a time zone, so that a run can be repeated exactly.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise
from random import Random

from backend.core.rides import Ride, RideSegment, Segment

LINES = 3
STOPS_PER_LINE = 8
HUB = 4  # the place of the central station on every line
PHONES = 40
RIDE_DAYS = 5  # rides lie within this many days before today, well inside the observation window
COMMUTE_LEAVES = time(8, 30)
COMMUTER_SHARE = 0.5
TRAFFIC_NOISE = 0.08  # sigma of the logarithm of a hop's duration
LOST_SIGNAL_SHARE = 0.04  # hops whose map matching is too unsure to learn from
DAYS_PER_WORKING_WEEK = 5


@dataclass(frozen=True)
class Stop:
    """A stop and where it lies (WGS 84 degrees)."""

    stop_id: str
    name: str
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Line:
    """One direction of a route: its stops, and the timetable's seconds between each two."""

    route_id: str
    direction: int
    stops: tuple[str, ...]
    seconds: tuple[int, ...]

    @property
    def ends(self) -> tuple[str, str]:
        """The first and the last stop."""
        return self.stops[0], self.stops[-1]


@dataclass(frozen=True)
class City:
    """The stops and lines that one seed makes."""

    seed: int
    stops: tuple[Stop, ...]
    lines: tuple[Line, ...]

    @property
    def commute(self) -> Line:
        """The line that half of all riders take at half past eight."""
        return self.lines[0]


@dataclass(frozen=True)
class Submission:
    """A ride as a phone sends it: with the key that makes sending it twice harmless."""

    idempotency_key: str
    ride: Ride


def build_city(seed: int) -> City:
    """Lay out a city: lines cross at one central station, and each runs both ways."""
    random = Random(seed)  # noqa: S311 - a simulation wants repeatable numbers, not secret ones
    stops = {"central": Stop("central", "Central Station", 12.97, 77.59)}
    lines: list[Line] = []
    for number in range(1, LINES + 1):
        angle = math.pi * number / LINES
        names: list[str] = []
        for place in range(STOPS_PER_LINE):
            name = "central" if place == HUB else f"line{number}-stop{place + 1}"
            reach = 0.008 * (place - HUB)
            stops.setdefault(
                name,
                Stop(
                    name,
                    f"Line {number}, stop {place + 1}",
                    round(12.97 + reach * math.sin(angle), 6),
                    round(77.59 + reach * math.cos(angle), 6),
                ),
            )
            names.append(name)
        seconds = tuple(random.randrange(60, 240, 10) for _ in pairwise(names))
        lines.append(Line(f"route{number}", 0, tuple(names), seconds))
        lines.append(Line(f"route{number}", 1, tuple(reversed(names)), tuple(reversed(seconds))))
    return City(seed, tuple(stops.values()), tuple(lines))


def congestion(moment: datetime) -> float:
    """Return how many times the timetable's duration a hop takes at a local moment.

    Two bell curves over the working day, around nine and around eighteen o'clock; 1.05 otherwise.
    """
    if moment.weekday() >= DAYS_PER_WORKING_WEEK:
        return 1.05
    hour = moment.hour + moment.minute / 60
    morning = 0.8 * math.exp(-(((hour - 9) / 1.5) ** 2))
    evening = 0.7 * math.exp(-(((hour - 18) / 1.5) ** 2))
    return 1.05 + morning + evening


def commute_truth(city: City, leaving: datetime) -> float:
    """Return the noiseless seconds of the commute when it leaves at a local moment."""
    at = leaving
    for seconds in city.commute.seconds:
        at += timedelta(seconds=seconds * congestion(at))
    return (at - leaving).total_seconds()


def submissions(city: City, count: int, now: datetime) -> Iterator[Submission]:
    """Yield the first `count` rides of the days before `now`, a local moment, each with its key.

    A ride depends on the seed, the date and its number alone: a longer run begins with the rides of
    a shorter one, and sending them again on the same day changes nothing.
    """
    today = datetime.combine(now.date(), time(), now.tzinfo)
    for number in range(count):
        name = f"simulated-{city.seed}-{today:%Y-%m-%d}-{number}"
        random = Random(name)  # noqa: S311 - see build_city
        yield Submission(name, _ride(city, random, today))


def _ride(city: City, random: Random, today: datetime) -> Ride:
    """Let one rider board somewhere, sometime; half of them are on their way to work."""
    days = [today - timedelta(days=n) for n in range(1, RIDE_DAYS + 1)]
    if random.random() < COMMUTER_SHARE:
        line, board, alight = city.commute, 0, STOPS_PER_LINE - 1
        day = random.choice([day for day in days if day.weekday() < DAYS_PER_WORKING_WEEK])
        leaving = datetime.combine(day, COMMUTE_LEAVES, today.tzinfo)
    else:
        line = random.choice(city.lines)
        board = random.randrange(STOPS_PER_LINE - 1)
        alight = random.randrange(board + 1, STOPS_PER_LINE)
        leaving = random.choice(days) + timedelta(minutes=random.randrange(6 * 60, 22 * 60))
    phone = f"phone-{city.seed}-{random.randrange(PHONES)}"
    segments = tuple(_drive(line, board, alight, leaving, random))
    return Ride(device_id=phone, route_id=line.route_id, segments=segments)


def _drive(
    line: Line, board: int, alight: int, leaving: datetime, random: Random
) -> Iterator[RideSegment]:
    """Drive from stop to stop through the traffic of the hour."""
    at = leaving
    for place in range(board, alight):
        noise = random.lognormvariate(0.0, TRAFFIC_NOISE)
        seconds = round(line.seconds[place] * congestion(at) * noise, 1)
        lost = random.random() < LOST_SIGNAL_SHARE
        yield RideSegment(
            segment=Segment(line.stops[place], line.stops[place + 1]),
            seconds=seconds,
            confidence=round(random.uniform(0.3, 0.6) if lost else random.uniform(0.8, 1.0), 2),
            started_at=at,
        )
        at += timedelta(seconds=seconds)


def ride_body(ride: Ride) -> dict[str, object]:
    """Return a ride as `POST /v1/ride_summary` takes it: ids as they are, seconds, ISO 8601."""
    body: dict[str, object] = {
        "device_id": ride.device_id,
        "segments": [
            {
                "from_stop": part.segment.from_stop,
                "to_stop": part.segment.to_stop,
                "seconds": part.seconds,
                "confidence": part.confidence,
                "started_at": part.started_at.isoformat(),
            }
            for part in ride.segments
        ],
    }
    return body if ride.route_id is None else body | {"route_id": ride.route_id}
