"""What the phones of a little city ask and tell, as requests that are ready to send."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import cycle, islice
from random import Random
from urllib.parse import urlencode

from backend.core.rides import Ride, RideSegment, Segment
from backend.tools.city import City, congestion, ride_body
from tests.load.client import request

SEGMENTS = 10
PHONES = 5000
"""So many that the limit of each is far away, as it is for people who take one bus at a time."""
DIFFERENT = 2000  # bodies; the keys all differ


def queries(url: str, city: City, now: datetime) -> Callable[[int], bytes]:
    """Ask for each way along each line, leaving within the next hour, in the quarters of which people ask."""
    random = Random(city.seed)  # noqa: S311 - repeatable, not secret
    ways = [
        (line.stops[board], line.stops[alight])
        for line in city.lines
        for board in range(len(line.stops) - 1)
        for alight in range(board + 1, len(line.stops))
    ]
    asked = [
        request(url, "GET", f"/v1/eta?{urlencode({'from': start, 'to': end, 'at': at})}", {})
        for start, end in ways
        for at in (
            (now + timedelta(minutes=15 * n)).isoformat(timespec="seconds") for n in range(4)
        )
    ]
    random.shuffle(asked)
    return lambda number: asked[number % len(asked)]


def rides(url: str, city: City, now: datetime, key: str) -> Callable[[int], bytes]:
    """Tell of rides over ten segments within the last hours, each with a key of its own."""
    random = Random(city.seed)  # noqa: S311 - repeatable, not secret
    bodies = [json.dumps(ride_body(_ride(city, random, now))).encode() for _ in range(DIFFERENT)]
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}

    def make(number: int) -> bytes:
        own = headers | {"Idempotency-Key": f"load-{number}"}
        return request(url, "POST", "/v1/ride_summary", own, bodies[number % DIFFERENT])

    return make


def among(
    few: Callable[[int], bytes], many: Callable[[int], bytes], count: int
) -> Callable[[int], bytes]:
    """Put one of the few behind so many of the many, again and again."""
    return lambda number: many(number) if (number + 1) % (count + 1) else few(number)


def _ride(city: City, random: Random, now: datetime) -> Ride:
    """Let one rider go along a line, and back on it where it ends."""
    line = random.choice(city.lines)
    there = tuple(zip(line.stops, line.stops[1:], line.seconds, strict=False))
    back = tuple((end, start, seconds) for start, end, seconds in reversed(there))
    at = now - timedelta(minutes=random.randrange(60, 12 * 60))
    segments = []
    hops = islice(cycle(there + back), first := random.randrange(len(there)), first + SEGMENTS)
    for start, end, timetable in hops:
        seconds = round(timetable * congestion(at) * random.lognormvariate(0.0, 0.08), 1)
        segments.append(RideSegment(Segment(start, end), seconds, 0.9, at))
        at += timedelta(seconds=seconds)
    return Ride(f"phone-{random.randrange(PHONES)}", line.route_id, tuple(segments))
