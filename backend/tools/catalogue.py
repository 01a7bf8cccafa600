"""The small tables of a GTFS feed: routes, stops, services and trips, each id once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from zipfile import ZipFile
from zoneinfo import ZoneInfo

from backend.core.rides import LONGEST_ID
from backend.core.schedule import Service
from backend.core.timetable import RouteLine, StopPlace
from backend.tools.agency import check_agencies
from backend.tools.service_days import CALENDAR, CALENDAR_DATES, read_services
from backend.tools.tables import LONGEST_UNASKED_ID, Problems, Row, has_table

FEED_INFO = "feed_info.txt"
FREQUENCIES = "frequencies.txt"
TRIPS = "trips.txt"
PLACES_WITHOUT_COORDINATES = frozenset({"3", "4"})
"""Values of location_type: nodes of a way through a station, and places to board; no bus calls there."""
ROUTE_TYPES = ((0, 7), (11, 12), (100, 1799))
"""Those of the reference, and the extended ones (https://developers.google.com/transit/gtfs/reference/extended-route-types)."""


class Trip(NamedTuple):
    """A row of trips.txt."""

    line: int
    route_id: str
    service_id: str
    headsign: str | None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All of a feed but its stop times."""

    version: str | None
    """What its publisher calls it (feed_version), if anything."""
    routes: Mapping[str, RouteLine]
    stops: Mapping[str, StopPlace]
    services: Mapping[str, Service]
    trips: Mapping[str, Trip]


def read_catalogue(archive: ZipFile, problems: Problems, zone: ZoneInfo | None = None) -> Catalogue:
    """Read the small tables, with everything noted that is wrong in them.

    The clock of the feed must be that of the zone, if one is given.
    """
    routes = _routes(archive, problems)
    stops = _stops(archive, problems)
    services = read_services(archive, problems)
    trips = _trips(archive, routes, services, problems)
    _refuse_frequencies(archive, problems)
    check_agencies(archive, zone, problems)
    return Catalogue(_version(archive, problems), routes, stops, services, trips)


def _version(archive: ZipFile, problems: Problems) -> str | None:
    if not has_table(archive, FEED_INFO):
        return None
    first: str | None = None
    for row in problems.rows(archive, FEED_INFO, frozenset(), may_be_empty=True):
        first = row.get("feed_version") if first is None else first
    return first or None


def _routes(archive: ZipFile, problems: Problems) -> dict[str, RouteLine]:
    lines: dict[str, int] = {}
    routes: dict[str, RouteLine] = {}
    for row in problems.rows(archive, "routes.txt", frozenset({"route_id", "route_type"})):
        name = problems.attempt(row.identifier, "route_id", lines, LONGEST_ID)
        kind = problems.attempt(_route_type, row)
        if name is not None:
            short, long = row.get("route_short_name"), row.get("route_long_name")
            routes[name] = RouteLine(name, short, long, kind or 0)
    return routes


def _stops(archive: ZipFile, problems: Problems) -> dict[str, StopPlace]:
    """Return the stops; one without a name goes by its id."""
    lines: dict[str, int] = {}
    stops: dict[str, StopPlace] = {}
    for row in problems.rows(archive, "stops.txt", frozenset({"stop_id", "stop_lat", "stop_lon"})):
        name = problems.attempt(row.identifier, "stop_id", lines, LONGEST_ID)
        if row.get("location_type") in PLACES_WITHOUT_COORDINATES:
            continue
        lat = problems.attempt(row.degrees, "stop_lat", 90)
        lon = problems.attempt(row.degrees, "stop_lon", 180)
        if name is not None:
            # A wrong place is noted; the stop is known all the same, for those that refer to it.
            stops[name] = StopPlace(name, row.get("stop_name") or name, lat or 0.0, lon or 0.0)
    return stops


def _trips(
    archive: ZipFile,
    routes: Mapping[str, RouteLine],
    services: Mapping[str, Service],
    problems: Problems,
) -> dict[str, Trip]:
    lines: dict[str, int] = {}
    trips: dict[str, Trip] = {}
    known_routes = problems.known(routes, "routes.txt")
    known_services = problems.known(services, CALENDAR, CALENDAR_DATES)
    for row in problems.rows(archive, TRIPS, frozenset({"trip_id", "route_id", "service_id"})):
        name = problems.attempt(row.identifier, "trip_id", lines, LONGEST_UNASKED_ID)
        route = problems.attempt(row.reference, "route_id", known_routes, "routes.txt")
        service = problems.attempt(row.reference, "service_id", known_services, "the calendar")
        if name is not None:
            trips[name] = Trip(
                row.line, route or "", service or "", row.get("trip_headsign") or None
            )
    return trips


def _refuse_frequencies(archive: ZipFile, problems: Problems) -> None:
    """Note that trips are repeated, if any are.

    Their times in stop_times.txt are then no departures, but only how long they take. Who reads trip updates knows each
    departure by the trip and its time of start, and where exact_times is 0 there is no timetable to be late by.
    """
    if not has_table(archive, FREQUENCIES):
        return
    for row in problems.rows(archive, FREQUENCIES, frozenset({"trip_id"}), may_be_empty=True):
        problems.note(
            row.error(
                "trip_id",
                "repeats a trip, which this service does not do; make each departure a trip of its own, with"
                " its times in stop_times.txt, and leave this file out",
            )
        )
        return


def _route_type(row: Row) -> int:
    kind = row.whole_number("route_type")
    if not any(first <= kind <= last for first, last in ROUTE_TYPES):
        raise row.error(
            "route_type", f"holds {kind}, which is no kind of route; a bus is 3, a tram is 0"
        )
    return kind
