"""The messages of a GTFS Realtime feed of trip updates, as JSON has them.

Names, numbers and meanings are those of https://gtfs.org/documentation/realtime/reference/ (version 2.0); absent is
what has no value. The same values make the protocol buffers.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Any, Literal, TypeAlias

from pydantic import Field

from backend.api.models import Shape
from backend.core.schedule import day_begins
from backend.core.trip_updates import PredictedCall, TripRun

Fields: TypeAlias = dict[str, Any]


class FeedHeader(Shape):
    """What the message as a whole is."""

    gtfs_realtime_version: Literal["2.0"] = "2.0"
    incrementality: Literal["FULL_DATASET"] = "FULL_DATASET"
    timestamp: int = Field(description="when it was made, in seconds since 1970 (UTC)")
    feed_version: str | None = Field(
        None, description="feed_version of the timetable that it is about"
    )


class TripDescriptor(Shape):
    """Which trip, on which day."""

    trip_id: str
    route_id: str
    start_date: str = Field(description="the service day, YYYYMMDD")
    schedule_relationship: Literal["SCHEDULED"] = "SCHEDULED"


class StopTimeEvent(Shape):
    """When a bus arrives or leaves."""

    delay: int = Field(description="seconds after the timetable; negative for an early bus")
    time: int = Field(description="seconds since 1970 (UTC)")
    uncertainty: int | None = Field(None, description="standard deviation, in seconds")


class StopTimeUpdate(Shape):
    """What is predicted of one call."""

    stop_id: str
    stop_sequence: int | None = Field(
        None, description="as in the timetable; absent where that was loaded by an older service"
    )
    arrival: StopTimeEvent
    departure: StopTimeEvent
    schedule_relationship: Literal["SCHEDULED"] = "SCHEDULED"


class TripUpdate(Shape):
    """What is predicted of one trip; without a timestamp, since nobody has seen the bus."""

    trip: TripDescriptor
    stop_time_update: tuple[StopTimeUpdate, ...]


class FeedEntity(Shape):
    """One trip update, under an id that no other one of the message has."""

    id: str
    trip_update: TripUpdate


class FeedMessage(Shape):
    """All trip updates at one moment."""

    header: FeedHeader
    entity: tuple[FeedEntity, ...]


def message_fields(
    predicted: Iterable[tuple[TripRun, Iterable[PredictedCall]]],
    version: str | None,
    now: datetime,
    zone: tzinfo,
) -> Fields:
    """Return the fields of a `FeedMessage`; trips of which nothing can be said are left out.

    As plain values: a message has ten thousands of events, and to make a model of each takes as long as all the rest.
    """
    header = {
        "gtfs_realtime_version": "2.0",
        "incrementality": "FULL_DATASET",
        "timestamp": int(now.timestamp()),
    }
    if version is not None:
        header["feed_version"] = version
    entities = (_entity(run, calls, zone) for run, calls in predicted)
    return {"header": header, "entity": [each for each in entities if each is not None]}


def _entity(run: TripRun, calls: Iterable[PredictedCall], zone: tzinfo) -> Fields | None:
    day = f"{run.service_day:%Y%m%d}"
    begins = int(day_begins(run.service_day, zone).timestamp())
    times = Counter(call.stop_id for call in run.calls)
    updates = [
        # Of a stop that a trip calls at twice nothing can be said without a stop_sequence. Left out, it
        # is taken to be as late as the one before it.
        _stop_time_update(each, begins)
        for each in calls
        if each.call.sequence is not None or times[each.call.stop_id] == 1
    ]
    if not updates:
        return None
    trip = {
        "trip_id": run.trip_id,
        "route_id": run.route_id,
        "start_date": day,
        "schedule_relationship": "SCHEDULED",
    }
    return {
        "id": f"{day}:{run.trip_id}",
        "trip_update": {"trip": trip, "stop_time_update": updates},
    }


def _stop_time_update(predicted: PredictedCall, begins: int) -> Fields:
    call, late = predicted.call, begins + predicted.delay
    sequence = {} if call.sequence is None else {"stop_sequence": call.sequence}
    return {
        "stop_id": call.stop_id,
        **sequence,
        "arrival": _event(predicted, late + call.arrival),
        "departure": _event(predicted, late + call.departure),
        "schedule_relationship": "SCHEDULED",
    }


def _event(predicted: PredictedCall, time: int) -> Fields:
    event: Fields = {"delay": predicted.delay, "time": time}
    if predicted.uncertainty is not None:
        event["uncertainty"] = predicted.uncertainty
    return event
