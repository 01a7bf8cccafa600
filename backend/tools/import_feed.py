"""A GTFS zip into the database: staged beside the feed that riders see, judged, and only then swapped in."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

from backend.core.storage import Database
from backend.core.store.feeds import (
    begin_feed,
    current_feed,
    discard,
    make_current,
    remove_some,
    stage_entries,
    stage_patterns,
    stage_routes,
    stage_services,
    stage_stops,
    stage_trips,
    staging,
)
from backend.core.store.schedules import last_service_day
from backend.core.timetable import Pattern, TimetableEntry, TripPlan
from backend.tools.catalogue import Catalogue, read_catalogue
from backend.tools.feed import Promises, digest_of, open_feed, read_trips
from backend.tools.tables import Problems

SEGMENTS = 500
"""Segments that one transaction numbers at most: each is a claim, of which PostgreSQL has room for some thousands."""
ROWS = 5000
"""Rows that one transaction writes, more or less: some tenths of a second, for which a rider's phone may wait."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, and how much the feed holds; of a feed that was current already, nothing is counted."""

    feed: int
    version: str | None
    changed: bool
    last_day: date | None
    """The last service day on which any of its trips runs; None where none ever does."""
    routes: int = 0
    patterns: int = 0
    segments: int = 0
    entries: int = 0
    trips: int = 0
    calls: int = 0


@dataclass
class _Staged:
    """What was written so far."""

    patterns: dict[Pattern, int]
    trips: int = 0
    calls: int = 0


def import_feed(
    database: Database,
    path: Path,
    holidays: frozenset[date],
    now: datetime,
    zone: ZoneInfo | None = None,
) -> ImportReport:
    """Put the feed of a GTFS zip in the place of the current one; what was learned stays.

    Riders are served all the while: each transaction is short, and up to the last one readers see the
    old feed. What an earlier import left staged is removed. The feed that is current already changes nothing.
    The clock of the feed must be that of the zone, if one is given.

    Raises FeedError, with everything that is wrong up to a bound, and leaves the old feed as it was;
    DatabaseError.
    """
    with open_feed(path) as archive:
        digest = digest_of(archive, holidays, zone)
        with database.reading() as tx:
            current, last_day = current_feed(tx), last_service_day(tx)
        if current is not None and current.digest == digest:
            _remove_discarded(database)
            return ImportReport(current.feed_id, current.version, changed=False, last_day=last_day)
        problems = Problems()
        catalogue = read_catalogue(archive, problems, zone)
        with database.writing() as tx:
            feed = begin_feed(tx, digest, catalogue.version, now)
        try:
            _remove_discarded(database)
            promises = Promises(catalogue.services, holidays)
            trips = _counted(read_trips(archive, catalogue, problems), promises, problems)
            staged = _stage(database, feed, catalogue, trips, problems)
            problems.check()
            entries = sorted(promises.entries(), key=lambda entry: entry.segment)
            _stage_entries(database, feed, entries)
            with database.writing() as tx:
                make_current(tx, feed, now)
                last_day = last_service_day(tx)
        finally:
            # After a failure its own rows, otherwise those of the feed before it.
            with database.writing() as tx:
                discard(tx, feed)
            _remove_discarded(database)
    return ImportReport(
        feed,
        catalogue.version,
        changed=True,
        last_day=last_day,
        routes=len({pattern.route_id for pattern in staged.patterns}),
        patterns=len(staged.patterns),
        segments=len({entry.segment for entry in entries}),
        entries=len(entries),
        trips=staged.trips,
        calls=staged.calls,
    )


def _counted(
    trips: Iterator[TripPlan], promises: Promises, problems: Problems
) -> Iterator[TripPlan]:
    """Pass trips on, with their durations counted, as long as nothing is wrong; read on to the end."""
    for trip in trips:
        if not problems.found:
            promises.add(trip)
            yield trip


def _stage(
    database: Database,
    feed: int,
    catalogue: Catalogue,
    trips: Iterator[TripPlan],
    problems: Problems,
) -> _Staged:
    """Write all but the durations; a feed in which something is wrong is read on, but not written."""
    staged = _Staged({})
    if not problems.found:
        with staging(database, feed) as tx:
            stage_services(tx, feed, catalogue.services.items())
            stage_routes(tx, feed, catalogue.routes.values())
        stops = tuple(catalogue.stops.values())
        for start in range(0, len(stops), ROWS):
            with staging(database, feed) as tx:
                stage_stops(tx, feed, stops[start : start + ROWS])
    for batch in _batches(trips):
        new = tuple(dict.fromkeys(p for t in batch if (p := t.pattern) not in staged.patterns))
        with staging(database, feed) as tx:
            numbers = staged.patterns | stage_patterns(tx, feed, new)
            stage_trips(tx, feed, [(trip, numbers[trip.pattern]) for trip in batch])
        staged.patterns.update(numbers)
        staged.trips += len(batch)
        staged.calls += sum(len(trip.calls) for trip in batch)
    return staged


def _stage_entries(database: Database, feed: int, entries: list[TimetableEntry]) -> None:
    """Write the durations, those of one segment together."""
    batch: list[TimetableEntry] = []
    segments = 0
    for _, group in groupby(entries, key=lambda entry: entry.segment):
        batch.extend(group)
        segments += 1
        if len(batch) >= ROWS or segments >= SEGMENTS:
            with staging(database, feed) as tx:
                stage_entries(tx, feed, batch)
            batch, segments = [], 0
    if batch:
        with staging(database, feed) as tx:
            stage_entries(tx, feed, batch)


def _batches(trips: Iterator[TripPlan]) -> Iterator[list[TripPlan]]:
    """Gather trips, until they have as many calls as one transaction writes."""
    batch: list[TripPlan] = []
    calls = 0
    for trip in trips:
        batch.append(trip)
        calls += len(trip.calls)
        if calls >= ROWS:
            yield batch
            batch, calls = [], 0
    if batch:
        yield batch


def _remove_discarded(database: Database) -> None:
    """Take away the feeds that nobody sees any more, bit by bit."""
    while True:
        with database.writing() as tx:
            if not remove_some(tx):
                return
