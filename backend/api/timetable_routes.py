"""The routes under /v1 that read the timetable: stops, routes, and what leaves a stop when."""

from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Query

from backend.api.documenting import ALWAYS_POSSIBLE, Routes, refusals
from backend.api.errors import ApiError
from backend.api.models import Name
from backend.api.routes import PREFIX, Own
from backend.api.services import Services
from backend.api.timetable_models import (
    DepartureAnswer,
    RouteAnswer,
    RoutesAnswer,
    ScheduleAnswer,
    StopAnswer,
    StopsAnswer,
    read_place,
    write_place,
)
from backend.core.store.schedules import (
    Box,
    Place,
    departures,
    find_stop,
    has_route,
    list_routes,
    list_stops,
)

USUAL_PAGE, LARGEST_PAGE = 50, 200
LOOK_AHEAD = timedelta(days=1)
"""How far the departures "from now on" reach."""
FARTHEST_DAYS = 366


Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="how many at most")]
After = Annotated[Name | None, Query(description="`next` of the page before")]
RouteId = Annotated[Name | None, Query(description="only those that this route calls at")]
Latitude = Annotated[float | None, Query(ge=-90, le=90)]
Longitude = Annotated[float | None, Query(ge=-180, le=180)]


def timetable_routes() -> Routes:
    """Build the routes, which anybody may read."""
    router = Routes(
        prefix=PREFIX,
        tags=["timetable"],
        responses=refusals(
            HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE, *ALWAYS_POSSIBLE
        ),
    )

    @router.get("/stops", responses=refusals(HTTPStatus.NOT_FOUND))
    def get_stops(  # noqa: PLR0917 - FastAPI calls it, by name
        services: Own,
        min_lat: Latitude = None,
        min_lon: Longitude = None,
        max_lat: Latitude = None,
        max_lon: Longitude = None,
        route: RouteId = None,
        after: After = None,
        limit: Limit = USUAL_PAGE,
    ) -> StopsAnswer:
        """List stops, in a box or of a route; a box with min_lon beyond max_lon crosses the date line."""
        box = _box(min_lat, min_lon, max_lat, max_lon)
        with services.database.reading() as tx:
            if route is not None and not has_route(tx, route):
                raise unknown("route", route)
            found = list_stops(tx, box, route, after, limit + 1)
        page = found[:limit]  # one more was asked for, which says whether there is another page
        return StopsAnswer(
            stops=tuple(map(StopAnswer.of, page)), next=page[-1].stop_id if found[limit:] else None
        )

    @router.get("/routes")
    def get_routes(services: Own, after: After = None, limit: Limit = USUAL_PAGE) -> RoutesAnswer:
        """List the routes."""
        return _routes(services, None, after, limit)

    @router.get("/routes/search")
    def search_routes(
        services: Own,
        q: Annotated[Name, Query(description="part of an id or a name, in small or large letters")],
        after: After = None,
        limit: Limit = USUAL_PAGE,
    ) -> RoutesAnswer:
        """Find routes by a part of their id or one of their names."""
        return _routes(services, q, after, limit)

    @router.get("/stops/{stop_id:path}/schedule", responses=refusals(HTTPStatus.NOT_FOUND))
    def get_schedule(
        services: Own,
        stop_id: Name,
        date: Annotated[  # the name in the query
            date | None,
            Query(description="a day in the service's time zone; from now on, for 24 h, if absent"),
        ] = None,
        after: Annotated[str | None, Query(description="`next` of the page before")] = None,
        limit: Limit = USUAL_PAGE,
    ) -> ScheduleAnswer:
        """Say what leaves a stop by the timetable, trips of the day before that run past 24:00 included."""
        zone, now = services.settings.zone, services.clock.now()
        start, end = (now, now + LOOK_AHEAD) if date is None else _whole_day(date, zone, now)
        place = None if after is None else _place(after, start)
        with services.database.reading() as tx:
            stop = find_stop(tx, stop_id)
            if stop is None:
                raise unknown("stop", stop_id)
            found = departures(tx, stop_id, start, end, zone, place, limit + 1)
        page = found[:limit]
        return ScheduleAnswer(
            stop=StopAnswer.of(stop),
            departures=tuple(map(DepartureAnswer.of, page)),
            next=write_place(page[-1].place) if found[limit:] else None,
        )

    return router


def _routes(services: Services, text: str | None, after: str | None, limit: int) -> RoutesAnswer:
    with services.database.reading() as tx:
        found = list_routes(tx, text, after, limit + 1)
    page = found[:limit]
    return RoutesAnswer(
        routes=tuple(map(RouteAnswer.of, page)), next=page[-1].route_id if found[limit:] else None
    )


def _box(
    south: float | None, west: float | None, north: float | None, east: float | None
) -> Box | None:
    """Return the box that is asked for, if any; ApiError (422) for half a one."""
    if south is None and west is None and north is None and east is None:
        return None
    if south is None or west is None or north is None or east is None:
        raise _invalid("min_lat", "A box needs all of min_lat, min_lon, max_lat and max_lon.")
    if south > north:
        raise _invalid("min_lat", "The box ends south of where it begins; exchange its latitudes.")
    return Box(south, west, north, east)


def _whole_day(day: date, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """Return when a day by the calendar begins and ends; ApiError (422) for one that is far away."""
    today = now.astimezone(zone).date()
    if abs((day - today).days) > FARTHEST_DAYS:
        raise _invalid("date", f"The day {day} is more than a year away; ask about a nearer one.")
    return (
        datetime.combine(day, time(), zone),
        datetime.combine(day + timedelta(days=1), time(), zone),
    )


def _place(text: str, start: datetime) -> Place:
    """Return the place a page ended at; ApiError (422) for anything else."""
    try:
        place = read_place(text)
    except ValueError:
        place = None
    if place is None or abs((place.service_day - start.date()).days) > FARTHEST_DAYS:
        raise _invalid("after", "No page has ended there; give `next` of the page before.")
    return place


def _invalid(field: str, message: str) -> ApiError:
    return ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid_request",
        message,
        details=[{"in": "query", "field": field, "message": message}],
    )


def unknown(kind: str, name: str) -> ApiError:
    """Return the 404 for a stop or route that the timetable does not have."""
    return ApiError(
        HTTPStatus.NOT_FOUND,
        f"unknown_{kind}",
        f"The timetable has no {kind} {name!r}; GET {PREFIX}/{kind}s lists those that it has.",
    )
