"""The city's timetable as a GTFS zip: quick roads all day long, as timetables like to promise."""

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple, TypeAlias
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from backend.core.errors import FeedError
from backend.tools.city import City, Line

FIRST_BUS, LAST_BUS = 5 * 3600, 25 * 3600  # seconds of the service day; the last runs past midnight
HEADWAY = 900
VALID_FOR = timedelta(days=365)
BUS = 3  # routes.route_type
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time of a zip entry: equal feeds have equal bytes

AGENCY = ("agency_id", "agency_name", "agency_url", "agency_timezone")
STOPS = ("stop_id", "stop_name", "stop_lat", "stop_lon")
ROUTES = ("route_id", "agency_id", "route_short_name", "route_long_name", "route_type")
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
CALENDAR = ("service_id", *WEEK, "start_date", "end_date")
TRIPS = ("route_id", "service_id", "trip_id", "direction_id", "trip_headsign")
FEED_INFO = (
    "feed_publisher_name",
    "feed_publisher_url",
    "feed_lang",
    "feed_start_date",
    "feed_end_date",
    "feed_version",
)
STOP_TIMES = ("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence")

Rows: TypeAlias = Iterator[tuple[object, ...]]


class Departure(NamedTuple):
    """One trip: a bus that leaves the first stop of a line, on the days of a service."""

    trip_id: str
    service_id: str
    line: Line
    leaving: int


def write_feed(city: City, path: Path, first_day: date, timezone: str) -> None:
    """Write the city's timetable, valid for a year; FeedError when the file cannot be written."""
    tables = {
        "agency.txt": _agency(timezone),
        "feed_info.txt": _feed_info(city, first_day),
        "stops.txt": _stops(city),
        "routes.txt": _routes(city),
        "calendar.txt": _calendar(first_day),
        "trips.txt": _trips(city),
        "stop_times.txt": _stop_times(city),
    }
    try:
        with ZipFile(path, "w") as archive:
            for file, rows in tables.items():
                text = io.StringIO(newline="")
                csv.writer(text).writerows(rows)
                entry = ZipInfo(file, LONG_AGO)
                entry.compress_type = ZIP_DEFLATED
                archive.writestr(entry, text.getvalue())
    except OSError as problem:
        raise FeedError(
            f"{path}: the feed cannot be written there ({problem.strerror}); choose another place."
        ) from None


def _agency(timezone: str) -> Rows:
    yield AGENCY
    yield "city", "Little City Buses", "https://example.org/", timezone


def _feed_info(city: City, first_day: date) -> Rows:
    yield FEED_INFO
    span = f"{first_day:%Y%m%d}", f"{first_day + VALID_FOR:%Y%m%d}"
    version = f"city {city.seed}, {first_day}"
    yield "Little City Buses", "https://example.org/", "en", *span, version


def _stops(city: City) -> Rows:
    yield STOPS
    for stop in city.stops:
        yield stop.stop_id, stop.name, stop.latitude, stop.longitude


def _routes(city: City) -> Rows:
    yield ROUTES
    for line in city.lines:
        if line.direction == 0:
            yield line.route_id, "city", line.route_id, " - ".join(line.ends), BUS


def _calendar(first_day: date) -> Rows:
    yield CALENDAR
    span = f"{first_day:%Y%m%d}", f"{first_day + VALID_FOR:%Y%m%d}"
    yield "weekdays", 1, 1, 1, 1, 1, 0, 0, *span
    yield "weekends", 0, 0, 0, 0, 0, 1, 1, *span


def _trips(city: City) -> Rows:
    yield TRIPS
    names = {stop.stop_id: stop.name for stop in city.stops}
    for trip in _departures(city):
        line = trip.line
        headsign = names[line.ends[1]]
        yield line.route_id, trip.service_id, trip.trip_id, line.direction, headsign


def _stop_times(city: City) -> Rows:
    yield STOP_TIMES
    for trip in _departures(city):
        clock = accumulate(trip.line.seconds, initial=trip.leaving)
        for place, (stop, at) in enumerate(zip(trip.line.stops, clock, strict=True)):
            yield trip.trip_id, _clock_text(at), _clock_text(at), stop, place


def _departures(city: City) -> Iterator[Departure]:
    for service in ("weekdays", "weekends"):
        for line in city.lines:
            for leaving in range(FIRST_BUS, LAST_BUS, HEADWAY):
                name = f"{line.route_id}-{line.direction}-{service}-{leaving // 60}"
                yield Departure(name, service, line, leaving)


def _clock_text(seconds: int) -> str:
    """Write seconds of the service day as HH:MM:SS, past 24:00:00 where need be."""
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
