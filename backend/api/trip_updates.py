"""`/v1/gtfs-realtime/trip-updates`: predictions in the format that trip planners read (docs/gtfs-realtime.md)."""

from datetime import datetime, timedelta
from http import HTTPStatus
from json import dumps
from typing import Annotated, Literal

from fastapi import Header, Query, Response
from google.transit import gtfs_realtime_pb2

from backend.api.documenting import ALWAYS_POSSIBLE, Routes, refusals
from backend.api.kept_messages import Message, Question
from backend.api.routes import PREFIX, Own
from backend.api.services import Services
from backend.api.timetable_routes import RouteId, unknown
from backend.api.trip_update_models import FeedMessage, message_fields
from backend.core.store.feeds import current_feed
from backend.core.store.runs import learned_on, running_trips
from backend.core.store.schedules import has_route
from backend.core.trip_updates import following_calls

MOST_TRIPS = 1000
"""Trips of one message; with more of them under way, those that left last."""
PROTOBUF, JSON = "application/x-protobuf", "application/json"
PROTOBUFS = frozenset({PROTOBUF, "application/protobuf", "application/octet-stream"})
TRUNCATED = "X-Truncated"


def trip_update_routes() -> Routes:
    """Build the one route, which anybody may use."""
    router = Routes(
        prefix=f"{PREFIX}/gtfs-realtime",
        tags=["timetable"],
        responses=refusals(
            HTTPStatus.NOT_FOUND,
            HTTPStatus.UNPROCESSABLE_ENTITY,
            HTTPStatus.SERVICE_UNAVAILABLE,
            *ALWAYS_POSSIBLE,
        ),
    )

    @router.get(
        "/trip-updates",
        response_model=FeedMessage,
        responses={
            HTTPStatus.OK.value: {
                "description": "GTFS Realtime 2.0, FULL_DATASET",
                "content": {PROTOBUF: {"schema": {"type": "string", "format": "binary"}}},
                "headers": {
                    TRUNCATED: {
                        "description": f"`true` where more than {MOST_TRIPS} trips are under way, of which the others"
                        " are left out; ask for one route",
                        "schema": {"type": "string"},
                    },
                    "Cache-Control": {
                        "description": "for how many seconds the message is told again",
                        "schema": {"type": "string"},
                    },
                },
            }
        },
    )
    def get_trip_updates(
        services: Own,
        route: RouteId = None,
        shape: Annotated[
            Literal["protobuf", "json"] | None,
            Query(alias="format", description="JSON for people; else what `Accept` says"),
        ] = None,
        accept: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> Response:
        """Predict when the trips that are under way by the timetable reach the stops before them."""
        json = shape == "json" or (shape is None and _prefers_json(accept))
        now = services.clock.now()
        with services.database.reading() as tx:
            feed = current_feed(tx)
        message = services.trip_updates.find_or_make(
            Question(feed, route, json), now, lambda: _make(services, route, now, json=json)
        )
        fresh_for = message.fresh_for(now) or timedelta(0)
        return Response(
            message.body,
            media_type=JSON if json else PROTOBUF,
            headers={
                "Vary": "Accept",
                "Cache-Control": f"public, max-age={fresh_for // timedelta(seconds=1)}",
            }
            | ({TRUNCATED: "true"} if message.truncated else {}),
        )

    return router


def _make(
    services: Services, route: str | None, now: datetime, *, json: bool
) -> tuple[Question, Message]:
    """Make a message from one state of the database; ApiError (404) for a route that is not in the timetable."""
    settings = services.settings
    with services.database.reading() as tx:
        if route is not None and not has_route(tx, route):
            raise unknown("route", route)
        feed = current_feed(tx)
        runs = running_trips(tx, now, settings.zone, route, MOST_TRIPS + 1)
        learned = learned_on(tx, runs[:MOST_TRIPS], settings)
    predicted = ((run, following_calls(run, learned, settings, now)) for run in runs[:MOST_TRIPS])
    version = None if feed is None else feed.version
    fields = message_fields(predicted, version, now, settings.zone)
    body = (
        dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
        if json
        else gtfs_realtime_pb2.FeedMessage(**fields).SerializeToString()
    )
    return Question(feed, route, json), Message(body, len(runs) > MOST_TRIPS, now)


def _prefers_json(accept: str) -> bool:
    """Say whether a client takes JSON and names no protocol buffers."""
    named = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return JSON in named and not named & PROTOBUFS
