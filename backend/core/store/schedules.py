"""Reading the current feed: its stops, its routes, and what leaves a stop when."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, exists, func, or_, select, true, tuple_

from backend.core.schedule import Service, day_begins, moment_of
from backend.core.storage import Transaction
from backend.core.store.feeds import current_id
from backend.core.timetable import RouteLine, StopPlace

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the world in degrees, its edges included; one whose west is beyond its east crosses the date line."""

    south: float
    west: float
    north: float
    east: float


class Place(NamedTuple):
    """Where a departure stands among all of a stop; what follows it is the next page."""

    service_day: date
    seconds: int
    """Of the departure, since noon minus 12 h of the service day."""
    trip_id: str
    position: int


@dataclass(frozen=True, slots=True)
class Departure:
    """A bus at a stop on a day."""

    place: Place
    route_id: str
    route_name: str
    """The route's short name; where it has none, the long one."""
    headsign: str | None
    arrival: datetime
    departure: datetime
    terminates: bool
    """Whether the trip ends there, so that nobody can board."""


def list_stops(
    tx: Transaction, box: Box | None, route_id: str | None, after: str | None, limit: int
) -> tuple[StopPlace, ...]:
    """Return stops by their ids, beginning after one: all, those in a box, those of a route, or of both."""
    stops = tx.schema.stops
    query = select(stops).where(stops.c.feed == current_id(tx.schema))
    if box is not None:
        query = query.where(stops.c.lat.between(box.south, box.north), _between(stops.c.lon, box))
    if route_id is not None:
        patterns, calls = tx.schema.patterns, tx.schema.pattern_stops
        query = query.where(
            exists()
            .where(patterns.c.feed == stops.c.feed, patterns.c.route_id == route_id)
            .where(calls.c.pattern == patterns.c.id, calls.c.stop == stops.c.id)
        )
    rows = tx.execute(_page(query, stops.c.id, after, limit))
    return tuple(StopPlace(row.id, row.name, row.lat, row.lon) for row in rows)


def list_routes(
    tx: Transaction, text: str | None, after: str | None, limit: int
) -> tuple[RouteLine, ...]:
    """Return routes by their ids, beginning after one: all, or those whose id or a name contains a text."""
    routes = tx.schema.routes
    query = select(routes).where(routes.c.feed == current_id(tx.schema))
    if text is not None:
        query = query.where(routes.c.search.contains(text.casefold(), autoescape=True))
    rows = tx.execute(_page(query, routes.c.id, after, limit))
    return tuple(RouteLine(row.id, row.short_name, row.long_name, row.route_type) for row in rows)


def find_stop(tx: Transaction, stop_id: str) -> StopPlace | None:
    """Return a stop of the current feed."""
    stops = tx.schema.stops
    own = stops.c.feed == current_id(tx.schema), stops.c.id == stop_id
    row = tx.execute(select(stops).where(*own)).one_or_none()
    return None if row is None else StopPlace(row.id, row.name, row.lat, row.lon)


def has_route(tx: Transaction, route_id: str) -> bool:
    """Say whether the current feed has a route."""
    routes = tx.schema.routes
    own = routes.c.feed == current_id(tx.schema), routes.c.id == route_id
    return bool(tx.execute(select(exists().where(*own))).scalar_one())


def departures(  # noqa: PLR0917 - where, from when to when, and which part of it
    tx: Transaction,
    stop_id: str,
    start: datetime,
    end: datetime,
    zone: ZoneInfo,
    after: Place | None,
    limit: int,
) -> tuple[Departure, ...]:
    """Return what leaves a stop from `start` on and before `end`, in the order of time, beginning after a place.

    A service day reaches as far into the next ones as its latest call at the stop. Of several departures
    at one moment those of the earlier service day come first.
    """
    latest = _latest(tx, stop_id)
    if latest is None:
        return ()
    # In UTC: of two moments of one zone Python compares what the clock on the wall shows.
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if after is not None:
        start = max(start, day_begins(after.service_day, zone) + after.seconds * SECOND)
    parts = []
    for day, begins, running in service_days(tx, start - latest * SECOND, end, zone):
        window = -((begins - start) // SECOND), -((begins - end) // SECOND)
        if window[1] > 0 and window[0] <= latest:
            query = _calls(tx, stop_id, running, window, _rest(tx, day, zone, after))
            parts.append([_departure(row, day, zone) for row in tx.execute(query.limit(limit))])
    # Each part is in order, and merging keeps that order where moment and day are the same: the
    # database alone compares ids, since languages differ in how they sort.
    ordered = merge(
        *parts, key=lambda each: (each.departure.astimezone(UTC), each.place.service_day)
    )
    return tuple(islice(ordered, limit))


def _latest(tx: Transaction, stop_id: str) -> int | None:
    """Return the latest departure of any service day, in its seconds; None where nothing calls."""
    calls = tx.schema.calls
    own = calls.c.feed == current_id(tx.schema), calls.c.stop == stop_id
    found: int | None = tx.execute(select(func.max(calls.c.departure)).where(*own)).scalar_one()
    return found


def _calls(
    tx: Transaction,
    stop_id: str,
    running: Collection[str],
    window: tuple[int, int],
    rest: ColumnElement[bool],
) -> Select[Any]:
    """Build the query for the calls at a stop in a part of a service day."""
    calls, trips, patterns, routes = (
        tx.schema.calls,
        tx.schema.trips,
        tx.schema.patterns,
        tx.schema.routes,
    )
    return (
        select(
            calls.c.trip,
            calls.c.position,
            calls.c.arrival,
            calls.c.departure,
            trips.c.headsign,
            trips.c.last_position,
            patterns.c.route_id,
            routes.c.short_name,
            routes.c.long_name,
        )
        .join_from(calls, trips, (trips.c.feed == calls.c.feed) & (trips.c.id == calls.c.trip))
        .join(patterns, patterns.c.id == trips.c.pattern)
        .join(routes, (routes.c.feed == calls.c.feed) & (routes.c.id == patterns.c.route_id))
        .where(
            calls.c.feed == current_id(tx.schema),
            calls.c.stop == stop_id,
            calls.c.departure >= window[0],
            calls.c.departure < window[1],
            trips.c.service.in_(running),
            rest,
        )
        .order_by(calls.c.departure, calls.c.trip, calls.c.position)
    )


def _rest(tx: Transaction, day: date, zone: ZoneInfo, after: Place | None) -> ColumnElement[bool]:
    """Return the condition for what follows a place, of the calls of a service day."""
    calls = tx.schema.calls
    if after is None:
        return true()
    if day == after.service_day:
        order = tuple_(calls.c.departure, calls.c.trip, calls.c.position)
        return order > tuple_(after.seconds, after.trip_id, after.position)
    same_moment = (
        day_begins(after.service_day, zone) + after.seconds * SECOND - day_begins(day, zone)
    ) // SECOND
    if day > after.service_day:
        return calls.c.departure >= same_moment
    return calls.c.departure > same_moment


def _departure(row: Any, day: date, zone: ZoneInfo) -> Departure:  # noqa: ANN401 - rows have no better type
    return Departure(
        place=Place(day, row.departure, row.trip, row.position),
        route_id=row.route_id,
        route_name=row.short_name or row.long_name,
        headsign=row.headsign,
        arrival=moment_of(day, row.arrival, zone),
        departure=moment_of(day, row.departure, zone),
        terminates=row.position == row.last_position,
    )


def service_days(
    tx: Transaction, start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[tuple[date, datetime, tuple[str, ...]]]:
    """Yield the days between two moments on which buses run: each with its beginning and its services."""
    # A day more at both ends, since noon minus 12 h may be an hour before or after midnight.
    first = start.astimezone(zone).date() - DAY
    last = end.astimezone(zone).date() + DAY
    days = tuple(first + n * DAY for n in range((last - first).days + 1))
    services = _services_of(tx, days)
    for day in days:
        running = tuple(name for name, service in services.items() if service.runs_on(day))
        if running:
            yield day, day_begins(day, zone), running


def last_service_day(tx: Transaction) -> date | None:
    """Return the last day on which any trip of the current feed runs; None where none ever does."""
    trips = tx.schema.trips
    used = select(trips.c.service).where(trips.c.feed == current_id(tx.schema)).distinct()
    services = _services_of(tx)
    ends = (services[service].ends() for service in tx.execute(used).scalars())
    return max((day for day in ends if day is not None), default=None)


def _services_of(tx: Transaction, days: Collection[date] | None = None) -> dict[str, Service]:
    """Return the services of the current feed, with the exceptions of these days, or with all of them."""
    services, exceptions = tx.schema.services, tx.schema.service_exceptions
    feed = current_id(tx.schema)
    changed: dict[tuple[str, bool], set[date]] = {}
    of_days = true() if days is None else exceptions.c.day.in_(days)
    for row in tx.execute(select(exceptions).where(exceptions.c.feed == feed, of_days)):
        changed.setdefault((row.service, row.added), set()).add(row.day)
    return {
        row.id: Service(
            row.weekdays,
            row.first_day,
            row.last_day,
            added=frozenset(changed.get((row.id, True), ())),
            removed=frozenset(changed.get((row.id, False), ())),
        )
        for row in tx.execute(select(services).where(services.c.feed == feed))
    }


def _between(longitude: ColumnElement[float], box: Box) -> ColumnElement[bool]:
    if box.west <= box.east:
        return longitude.between(box.west, box.east)
    return or_(longitude >= box.west, longitude <= box.east)


def _page(
    query: Select[Any], key: ColumnElement[str], after: str | None, limit: int
) -> Select[Any]:
    if after is not None:
        query = query.where(key > after)
    return query.order_by(key).limit(limit)
