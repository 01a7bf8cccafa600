"""Read a GTFS feed: route patterns, and what the timetable promises per segment and time bin.

The reference is the GTFS Schedule document of gtfs.org. Read are routes.txt, stops.txt, trips.txt,
stop_times.txt, and calendar.txt, calendar_dates.txt or both. Trips that frequencies.txt repeats
count once, at the times that stop_times.txt gives them: their durations are the same all day.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

from backend.core.bins import DayKind, TimeBin, service_time
from backend.core.errors import FeedError
from backend.core.rides import LEAST_DURATION, LONGEST_ID, Segment
from backend.core.timetable import Feed, Pattern, TimetableEntry
from backend.tools.service_days import count_kinds, read_service_days
from backend.tools.stop_times import Call, hops, read_calls
from backend.tools.tables import read_table


class Trip(NamedTuple):
    """A row of trips.txt."""

    route_id: str
    service_id: str


def read_feed(path: Path, holidays: frozenset[date] = frozenset()) -> Feed:
    """Read a GTFS zip file; holidays count as weekend days.

    FeedError names the file, line and column of the first thing that is wrong.
    """
    try:
        with ZipFile(path) as archive:
            return _read(archive, holidays)
    except FileNotFoundError:
        raise FeedError(f"{path}: there is no such file; give the path of a GTFS zip.") from None
    except (BadZipFile, zlib.error, NotImplementedError, RuntimeError) as problem:
        raise FeedError(
            f"{path}: the file cannot be read as a zip ({problem}); download it again."
        ) from None
    except OSError as problem:
        raise FeedError(f"{path}: the file cannot be read ({problem.strerror}).") from None


def _read(archive: ZipFile, holidays: frozenset[date]) -> Feed:
    routes = _ids(archive, "routes.txt", "route_id")
    stops = _ids(archive, "stops.txt", "stop_id")
    services = read_service_days(archive)
    trips = _trips(archive, routes, services)
    calls = read_calls(archive, trips, stops)
    return Feed(
        patterns=tuple(_patterns(trips, calls)),
        entries=tuple(_timetable(trips, calls, services, holidays)),
    )


def _ids(archive: ZipFile, file: str, column: str) -> frozenset[str]:
    """Return the ids of a table, each of which may occur once and be as long as one can ask for."""
    lines: dict[str, int] = {}
    for row in read_table(archive, file, frozenset({column})):
        name = row[column]
        if len(name) > LONGEST_ID:
            raise row.error(
                column, f"has {len(name)} characters, but at most {LONGEST_ID} may be asked for"
            )
        if name in lines:
            raise row.error(column, f"repeats {name!r} of line {lines[name]}, but ids are unique")
        lines[name] = row.line
    return frozenset(lines)


def _trips(
    archive: ZipFile, routes: frozenset[str], services: Mapping[str, object]
) -> Mapping[str, Trip]:
    """Return the trips by id."""
    trips: dict[str, Trip] = {}
    for row in read_table(archive, "trips.txt", frozenset({"trip_id", "route_id", "service_id"})):
        name = row["trip_id"]
        if name in trips:
            raise row.error("trip_id", f"repeats {name!r}, but ids are unique")
        trips[name] = Trip(
            row.reference("route_id", routes, "routes.txt"),
            row.reference("service_id", services.keys(), "the calendar"),
        )
    return trips


def _patterns(trips: Mapping[str, Trip], calls: Mapping[str, Sequence[Call]]) -> Sequence[Pattern]:
    """Return each route's distinct sequences of stops, in the order of the feed."""
    patterns = (
        Pattern(trips[trip].route_id, tuple(stop for stop, _ in groupby(c.stop_id for c in stops)))
        for trip, stops in calls.items()
    )
    return [pattern for pattern in dict.fromkeys(patterns) if len(pattern.stops) > 1]


def _timetable(
    trips: Mapping[str, Trip],
    calls: Mapping[str, Sequence[Call]],
    services: Mapping[str, frozenset[date]],
    holidays: frozenset[date],
) -> Iterator[TimetableEntry]:
    """Yield the mean duration per segment and bin, each trip weighed by the days that it runs.

    Feeds round to minutes, so that near stops may be 0 s apart: a mean is at least 1 s.
    """
    sums: dict[tuple[Segment, TimeBin], tuple[float, int]] = {}
    counts: dict[tuple[str, int], Mapping[DayKind, int]] = {}
    for trip, stops in calls.items():
        service = trips[trip].service_id
        for hop in hops(stops):
            days_later, quarter = service_time(int(hop.departure))
            if (service, days_later) not in counts:
                counts[service, days_later] = count_kinds(services[service], days_later, holidays)
            for kind, count in counts[service, days_later].items():
                cell = Segment(hop.from_stop, hop.to_stop), TimeBin(kind, quarter)
                seconds, departures = sums.get(cell, (0.0, 0))
                sums[cell] = seconds + hop.seconds * count, departures + count
    for (segment, moment), (seconds, departures) in sums.items():
        mean = max(seconds / departures, LEAST_DURATION)
        yield TimetableEntry(segment, moment, mean, departures)
