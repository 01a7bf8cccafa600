"""The shapes of answers about the timetable: stops, routes and departures, page by page."""

import base64
import binascii
import json
from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from backend.api.models import Shape
from backend.core.store.schedules import Departure, Place
from backend.core.timetable import RouteLine, StopPlace

LARGEST = 10_000_000
"""A number beyond all that a feed can hold: of seconds of a service day, and of calls of a trip."""

Next = Annotated[
    str | None, Field(description="give it as `after` to get the next page; null on the last one")
]


class StopAnswer(Shape):
    """A stop, and where it lies (WGS 84 degrees)."""

    stop_id: str
    name: str
    lat: float
    lon: float

    @classmethod
    def of(cls, stop: StopPlace) -> "StopAnswer":
        """Write a stop."""
        return cls(stop_id=stop.stop_id, name=stop.name, lat=stop.lat, lon=stop.lon)


class StopsAnswer(Shape):
    """A page of stops, by their ids."""

    stops: tuple[StopAnswer, ...]
    next: Next = None


class RouteAnswer(Shape):
    """A route by its names, of which either may be empty."""

    route_id: str
    short_name: str
    long_name: str
    route_type: int = Field(description="GTFS's number of what goes there: 3 is a bus")

    @classmethod
    def of(cls, route: RouteLine) -> "RouteAnswer":
        """Write a route."""
        return cls(
            route_id=route.route_id,
            short_name=route.short_name,
            long_name=route.long_name,
            route_type=route.route_type,
        )


class RoutesAnswer(Shape):
    """A page of routes, by their ids."""

    routes: tuple[RouteAnswer, ...]
    next: Next = None


class DepartureAnswer(Shape):
    """A bus at a stop."""

    trip_id: str
    route_id: str
    route_name: str
    headsign: str | None
    service_date: date = Field(
        description="the day whose timetable it is: the day before for a trip that runs past 24:00"
    )
    arrival: datetime
    departure: datetime
    terminates: bool = Field(description="the trip ends there: nobody can board")

    @classmethod
    def of(cls, departure: Departure) -> "DepartureAnswer":
        """Write a departure."""
        return cls(
            trip_id=departure.place.trip_id,
            route_id=departure.route_id,
            route_name=departure.route_name,
            headsign=departure.headsign,
            service_date=departure.place.service_day,
            arrival=departure.arrival,
            departure=departure.departure,
            terminates=departure.terminates,
        )


class ScheduleAnswer(Shape):
    """A page of what leaves a stop, in the order of time."""

    stop: StopAnswer
    departures: tuple[DepartureAnswer, ...]
    next: Next = None


def write_place(place: Place) -> str:
    """Return a departure's place as a text that survives an address."""
    text = json.dumps([place.service_day.isoformat(), *place[1:]], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_place(text: str) -> Place:
    """Return the place that was written so; ValueError for any other text."""
    try:
        padded = text + "=" * (-len(text) % 4)
        day, seconds, trip, position = json.loads(base64.b64decode(padded, "-_", validate=True))
        place = Place(date.fromisoformat(day), seconds, trip, position)
        written = write_place(place)
        trip.encode()  # half a character would reach the database
    except (AttributeError, binascii.Error, TypeError, ValueError) as error:
        raise ValueError("not a place that a page ended with") from error
    whole = type(seconds) is type(position) is int and 0 <= position <= LARGEST
    if written != text or not whole or not 0 <= seconds <= LARGEST or "\0" in trip:
        raise ValueError("not a place that a page ended with")
    return place
