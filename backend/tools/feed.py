"""Read a GTFS feed: its trips one by one, and what the timetable promises per segment and time bin.

The reference is the GTFS Schedule document of gtfs.org. Read are agency.txt, routes.txt, stops.txt, trips.txt,
stop_times.txt, feed_info.txt if there is one, and calendar.txt, calendar_dates.txt or both. A feed that repeats
trips by frequencies.txt is refused.
"""

import hashlib
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from zipfile import BadZipFile, ZipFile
from zoneinfo import ZoneInfo

from backend.core.bins import DayKind, TimeBin, service_time
from backend.core.errors import FeedError
from backend.core.rides import LEAST_DURATION, Segment
from backend.core.schedule import Service
from backend.core.timetable import (
    MOST_SEQUENCE,
    Call,
    Feed,
    Pattern,
    TimetableEntry,
    TripPlan,
)
from backend.tools.agency import AGENCY
from backend.tools.catalogue import FEED_INFO, FREQUENCIES, TRIPS, Catalogue, read_catalogue
from backend.tools.service_days import CALENDAR, CALENDAR_DATES, LONGEST_CALENDAR, count_kinds
from backend.tools.stop_times import STOP_TIMES, TimedCall, hops, read_calls
from backend.tools.tables import Problems, cell_error, file_error, open_table, require_bounds

TABLES = (
    AGENCY,
    CALENDAR,
    CALENDAR_DATES,
    FEED_INFO,
    FREQUENCIES,
    "routes.txt",
    STOP_TIMES,
    "stops.txt",
    TRIPS,
)
BYTES_AT_ONCE = 1 << 16


@dataclass
class Promises:
    """How long each segment takes in each time bin, summed up trip by trip."""

    services: Mapping[str, Service]
    holidays: frozenset[date]
    _sums: dict[tuple[str, str, int], tuple[float, int]] = field(default_factory=dict)
    _days: dict[str, tuple[date, ...]] = field(default_factory=dict)
    _counts: dict[tuple[str, int], Mapping[DayKind, int]] = field(default_factory=dict)

    def add(self, trip: TripPlan) -> None:
        """Count a trip as often as it runs."""
        for hop in hops(trip.calls):
            days_later, quarter = service_time(hop.departure)
            for kind, count in self._count(trip.service_id, days_later).items():
                cell = hop.from_stop, hop.to_stop, TimeBin(kind, quarter).index
                seconds, departures = self._sums.get(cell, (0.0, 0))
                self._sums[cell] = seconds + hop.seconds * count, departures + count

    def entries(self) -> Iterator[TimetableEntry]:
        """Yield the mean duration per segment and bin.

        Feeds round to minutes, so that near stops may be 0 s apart: a mean is at least 1 s.
        """
        for (from_stop, to_stop, index), (seconds, departures) in self._sums.items():
            mean = max(seconds / departures, LEAST_DURATION)
            segment = Segment(from_stop, to_stop)
            yield TimetableEntry(segment, TimeBin.from_index(index), mean, departures)

    def _count(self, service: str, days_later: int) -> Mapping[DayKind, int]:
        if (service, days_later) not in self._counts:
            if service not in self._days:
                self._days[service] = tuple(self.services[service].days(LONGEST_CALENDAR))
            running = self._days[service]
            self._counts[service, days_later] = count_kinds(running, days_later, self.holidays)
        return self._counts[service, days_later]


def read_feed(path: Path, holidays: frozenset[date] = frozenset()) -> Feed:
    """Read the ways and durations of a GTFS zip file into memory; holidays count as weekend days.

    FeedError names file, line and column of everything that is wrong, up to a bound.
    """
    with open_feed(path) as archive:
        problems = Problems()
        catalogue = read_catalogue(archive, problems)
        promises = Promises(catalogue.services, holidays)
        patterns: dict[Pattern, None] = {}
        for trip in read_trips(archive, catalogue, problems):
            if not problems.found:
                patterns.setdefault(trip.pattern)
                promises.add(trip)
        problems.check()
    return Feed(patterns=tuple(patterns), entries=tuple(promises.entries()))


@contextmanager
def open_feed(path: Path) -> Iterator[ZipFile]:
    """Open a GTFS zip file; whatever about the file cannot be read, inside the `with` block too, is a FeedError."""
    try:
        with _opened(path) as archive:
            require_bounds(archive, TABLES)
            yield archive
    except FileNotFoundError:
        raise FeedError(f"{path}: there is no such file; give the path of a GTFS zip.") from None
    except (BadZipFile, zlib.error, EOFError) as problem:
        raise FeedError(
            f"{path}: the file cannot be read as a zip ({problem}); download it again."
        ) from None
    except OSError as problem:
        raise FeedError(f"{path}: the file cannot be read ({problem.strerror}).") from None


def _opened(path: Path) -> ZipFile:
    try:
        return ZipFile(path)
    except (NotImplementedError, ValueError) as problem:
        # Of damage zipfile makes a version that it does not know, and names that are no text.
        raise BadZipFile(str(problem)) from None


def digest_of(archive: ZipFile, holidays: frozenset[date], zone: ZoneInfo | None = None) -> str:
    """Return a digest of all that a timetable is made from: the tables that are read, the holidays, and the zone."""
    digest = hashlib.sha256()
    for file in sorted(set(TABLES).intersection(archive.namelist())):
        content = hashlib.sha256()
        with open_table(archive, file) as table:
            while part := table.read(BYTES_AT_ONCE):
                content.update(part)
        digest.update(f"{file} {content.hexdigest()}\n".encode())
    for day in sorted(holidays):
        digest.update(f"{day.isoformat()}\n".encode())
    if zone is not None:
        digest.update(f"{zone.key}\n".encode())
    return digest.hexdigest()


def read_trips(archive: ZipFile, catalogue: Catalogue, problems: Problems) -> Iterator[TripPlan]:
    """Yield the trips that lead somewhere, each when its last stop time was read.

    The table is read to its end whatever is wrong, so that everything is noted: also each trip that calls at fewer than
    two stops, since that is what a table that was cut off looks like, and that no trip leads anywhere.
    """
    leads = False
    trips = problems.known(catalogue.trips, TRIPS)
    waiting = set(catalogue.trips)
    stops = problems.known(catalogue.stops, "stops.txt")
    for name, calls in read_calls(archive, trips, stops, problems):
        trip = catalogue.trips.get(name)
        waiting.discard(name)
        if trip is None or calls is None:  # trips.txt could not be read, or the trip has a problem
            continue
        plan = TripPlan(
            name,
            trip.route_id,
            trip.service_id,
            trip.headsign,
            tuple(map(_call, calls)),
        )
        if len(plan.calls) == 1:
            problems.note(_cut_off(trip.line, name, f"has one row in {STOP_TIMES}"))
        elif len(plan.pattern.stops) > 1:
            leads = True
            yield plan
    if STOP_TIMES not in problems.unread:
        for name, trip in catalogue.trips.items():
            if name in waiting:
                problems.note(_cut_off(trip.line, name, f"has no rows in {STOP_TIMES}"))
    if not (leads or problems.found):
        problems.note(
            file_error(STOP_TIMES, "no trip leads from one stop to another; export the feed again")
        )


def _call(timed: TimedCall) -> Call:
    sequence = timed.sequence if timed.sequence <= MOST_SEQUENCE else None
    return Call(timed.stop_id, round(timed.arrival), round(timed.departure), sequence)


def _cut_off(line: int, trip: str, what: str) -> FeedError:
    """Build the error that points at a trip of fewer than two calls."""
    return cell_error(
        TRIPS,
        line,
        "trip_id",
        f"names {trip!r}, which {what}, so that it leads nowhere; take it out, or add its stop times",
    )
