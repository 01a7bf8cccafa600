"""Feeds: each beside the others, of which readers see the one that is current.

A feed is staged in many short transactions and made current in one; the one before it is then taken
away, again bit by bit. A writer claims "feed" and sees whether its feed is still the one to be written:
an import that is begun discards what another one, interrupted or still running, has staged.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, ScalarSelect, Table, delete, exists, func, insert, select, update

from backend.core.errors import FeedError
from backend.core.schedule import Service
from backend.core.storage import Database, Transaction
from backend.core.storage.schema import Schema
from backend.core.store.segments import number_segments
from backend.core.timetable import (
    Feed,
    Pattern,
    RouteLine,
    StopPlace,
    TimetableEntry,
    TripPlan,
)

STAGED, CURRENT, DISCARDED = "staged", "current", "discarded"
TRIPS_AT_ONCE, SEGMENTS_AT_ONCE, PATTERNS_AT_ONCE = 250, 25, 250
"""Of how many all rows are removed in one transaction: some thousand rows, so that riders need not wait long."""


@dataclass(frozen=True, slots=True)
class CurrentFeed:
    """The feed that readers see."""

    feed_id: int
    digest: str
    version: str | None
    imported_at: datetime


def current_feed(tx: Transaction) -> CurrentFeed | None:
    """Return the feed that readers see, if there is any."""
    feeds = tx.schema.feeds
    row = tx.execute(select(feeds).where(feeds.c.state == CURRENT)).one_or_none()
    return None if row is None else CurrentFeed(row.id, row.digest, row.version, row.imported_at)


def current_id(schema: Schema) -> ScalarSelect[int]:
    """Return the query for the number of the current feed, as a part of other queries."""
    feeds = schema.feeds
    return select(feeds.c.id).where(feeds.c.state == CURRENT).scalar_subquery()


def begin_feed(tx: Transaction, digest: str, version: str | None, now: datetime) -> int:
    """Begin a feed that nobody sees, and return its number; whatever else is staged is discarded."""
    tx.claim("feed")
    feeds = tx.schema.feeds
    tx.execute(update(feeds).where(feeds.c.state == STAGED).values(state=DISCARDED))
    row = insert(feeds).values(digest=digest, version=version, imported_at=now, state=STAGED)
    return int(tx.execute(row.returning(feeds.c.id)).scalar_one())


@contextmanager
def staging(database: Database, feed: int) -> Iterator[Transaction]:
    """Give a transaction that may write into a staged feed; FeedError when another import has taken over."""
    with database.writing() as tx:
        require_staged(tx, feed)
        yield tx


def require_staged(tx: Transaction, feed: int) -> None:
    """Claim the feeds; FeedError unless this one is still staged."""
    tx.claim("feed")
    feeds = tx.schema.feeds
    state = tx.execute(select(feeds.c.state).where(feeds.c.id == feed)).scalar_one_or_none()
    if state != STAGED:
        raise FeedError(
            "Another import has begun meanwhile and this one was given up; nothing has changed by it."
        )


def stage_stops(tx: Transaction, feed: int, stops: Iterable[StopPlace]) -> None:
    """Write stops."""
    rows = [
        {"feed": feed, "id": each.stop_id, "name": each.name, "lat": each.lat, "lon": each.lon}
        for each in stops
    ]
    _insert(tx, tx.schema.stops, rows)


def stage_routes(tx: Transaction, feed: int, routes: Iterable[RouteLine]) -> None:
    """Write routes, with what they can be found by."""
    rows = [
        {
            "feed": feed,
            "id": each.route_id,
            "short_name": each.short_name,
            "long_name": each.long_name,
            "route_type": each.route_type,
            # Folded here, since databases differ in which letters are the same.
            "search": f"{each.route_id}\n{each.short_name}\n{each.long_name}".casefold(),
        }
        for each in routes
    ]
    _insert(tx, tx.schema.routes, rows)


def stage_services(tx: Transaction, feed: int, services: Iterable[tuple[str, Service]]) -> None:
    """Write services with their exceptions."""
    services = tuple(services)
    _insert(
        tx,
        tx.schema.services,
        [
            {
                "feed": feed,
                "id": name,
                "weekdays": service.weekdays,
                "first_day": service.first_day,
                "last_day": service.last_day,
            }
            for name, service in services
        ],
    )
    _insert(
        tx,
        tx.schema.service_exceptions,
        [
            {"feed": feed, "service": name, "day": day, "added": added}
            for name, service in services
            for added, days in ((True, service.added), (False, service.removed))
            for day in sorted(days)
        ],
    )


def stage_patterns(tx: Transaction, feed: int, patterns: Sequence[Pattern]) -> dict[Pattern, int]:
    """Write ways that the feed does not have yet, and return their numbers."""
    schema = tx.schema
    last = tx.execute(select(func.max(schema.patterns.c.id))).scalar_one_or_none()
    numbers = dict(
        zip(patterns, range((last or 0) + 1, (last or 0) + 1 + len(patterns)), strict=True)
    )
    _insert(
        tx,
        schema.patterns,
        [{"id": n, "feed": feed, "route_id": way.route_id} for way, n in numbers.items()],
    )
    _insert(
        tx,
        schema.pattern_stops,
        [
            {"pattern": n, "position": position, "stop": stop}
            for way, n in numbers.items()
            for position, stop in enumerate(way.stops)
        ],
    )
    return numbers


def stage_trips(tx: Transaction, feed: int, trips: Sequence[tuple[TripPlan, int]]) -> None:
    """Write trips, each with the number of its pattern, and their calls."""
    _insert(
        tx,
        tx.schema.trips,
        [
            {
                "feed": feed,
                "id": trip.trip_id,
                "pattern": pattern,
                "service": trip.service_id,
                "headsign": trip.headsign,
                "last_position": len(trip.calls) - 1,
            }
            for trip, pattern in trips
        ],
    )
    _insert(
        tx,
        tx.schema.calls,
        [
            {
                "feed": feed,
                "trip": trip.trip_id,
                "position": position,
                "stop": call.stop_id,
                "arrival": call.arrival,
                "departure": call.departure,
                "sequence": call.sequence,
            }
            for trip, _ in trips
            for position, call in enumerate(trip.calls)
        ],
    )


def stage_entries(tx: Transaction, feed: int, entries: Sequence[TimetableEntry]) -> None:
    """Write what is promised per segment and time bin; the segments get numbers."""
    numbers = number_segments(tx, {entry.segment for entry in entries})
    _insert(
        tx,
        tx.schema.timetable,
        [
            {
                "feed": feed,
                "segment": numbers[entry.segment],
                "bin": entry.bin.index,
                "mean_seconds": entry.mean_seconds,
                "departures": entry.departures,
            }
            for entry in entries
        ],
    )


def make_current(tx: Transaction, feed: int, now: datetime) -> None:
    """Let readers see a staged feed in the place of the present one.

    Segments that only the old one has departures on are retired; those of the new one are not, or no
    longer. What was learned on any of them stays.
    """
    require_staged(tx, feed)
    feeds, segments, timetable = tx.schema.feeds, tx.schema.segments, tx.schema.timetable
    promised = exists().where(timetable.c.segment == segments.c.id)
    old = promised.where(timetable.c.feed == current_id(tx.schema))
    new = promised.where(timetable.c.feed == feed)
    vanished = segments.c.retired_at.is_(None) & old & ~new
    returned = segments.c.retired_at.is_not(None) & new
    order = segments.c.from_stop, segments.c.to_stop
    locked = select(segments.c.id).where(vanished | returned).order_by(*order)
    tx.execute(locked.with_for_update(key_share=True)).all()
    tx.execute(update(segments).where(vanished).values(retired_at=now))
    tx.execute(update(segments).where(returned).values(retired_at=None))
    tx.execute(update(feeds).where(feeds.c.state == CURRENT).values(state=DISCARDED))
    tx.execute(update(feeds).where(feeds.c.id == feed).values(state=CURRENT))


def discard(tx: Transaction, feed: int) -> None:
    """Give a staged feed up; `remove_some` takes it away."""
    tx.claim("feed")
    feeds = tx.schema.feeds
    own = (feeds.c.id == feed) & (feeds.c.state == STAGED)
    tx.execute(update(feeds).where(own).values(state=DISCARDED))


def remove_some(tx: Transaction) -> bool:
    """Delete a bounded part of a feed that nobody sees any more; say whether there was any."""
    tx.claim("feed")
    schema = tx.schema
    gone = select(schema.feeds.c.id).where(schema.feeds.c.state == DISCARDED)
    feed = tx.execute(gone.order_by(schema.feeds.c.id).limit(1)).scalar_one_or_none()
    if feed is None:
        return False
    trips = _some(tx, schema.trips.c.id, feed, TRIPS_AT_ONCE)
    if trips:
        calls = schema.calls
        tx.execute(delete(calls).where(calls.c.feed == feed, calls.c.trip.in_(trips)))
        tx.execute(
            delete(schema.trips).where(schema.trips.c.feed == feed, schema.trips.c.id.in_(trips))
        )
        return True
    segments = _some(tx, schema.timetable.c.segment, feed, SEGMENTS_AT_ONCE)
    if segments:
        promises = schema.timetable
        tx.execute(
            delete(promises).where(promises.c.feed == feed, promises.c.segment.in_(segments))
        )
        return True
    patterns = _some(tx, schema.patterns.c.id, feed, PATTERNS_AT_ONCE)
    if patterns:
        stops = schema.pattern_stops
        tx.execute(delete(stops).where(stops.c.pattern.in_(patterns)))
        tx.execute(delete(schema.patterns).where(schema.patterns.c.id.in_(patterns)))
        return True
    for table in (schema.service_exceptions, schema.services, schema.routes, schema.stops):
        tx.execute(delete(table).where(table.c.feed == feed))
    tx.execute(delete(schema.feeds).where(schema.feeds.c.id == feed))
    return True


def save_feed(tx: Transaction, feed: Feed, now: datetime | None = None) -> None:
    """Put ways and durations in the place of the present feed, in one transaction; what phones taught stays.

    For small timetables that were made by hand: they have no schedule, and without `now` no date.
    """
    now = datetime.fromtimestamp(0, UTC) if now is None else now
    number = begin_feed(tx, "", None, now)
    stage_patterns(tx, number, feed.patterns)
    stage_entries(tx, number, feed.entries)
    make_current(tx, number, now)
    while remove_some(tx):
        pass


def _some(tx: Transaction, column: Column[Any], feed: int, most: int) -> tuple[object, ...]:
    """Return some values of a column of a feed's rows."""
    query = select(column).where(column.table.c.feed == feed).distinct().limit(most)
    return tuple(tx.execute(query).scalars())


def _insert(tx: Transaction, table: Table, rows: Sequence[dict[str, object]]) -> None:
    if rows:
        tx.execute(insert(table), rows)
