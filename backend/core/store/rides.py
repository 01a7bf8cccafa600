"""Rides: stored and learned in the order in which they come, each as a whole or not at all."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain

from sqlalchemy import Executable, insert

from backend.core.accuracy import Prediction
from backend.core.bins import bin_of
from backend.core.learning import Judgement, LearningRules, Observation
from backend.core.rides import Rejection, Ride, RideReceipt, Segment, pseudonym
from backend.core.settings import Settings
from backend.core.storage import Transaction
from backend.core.storage.schema import Schema
from backend.core.store.cells import Place
from backend.core.store.learned import Learned, learn_all, load_taught, save_learned
from backend.core.store.predictions import load_background, predict_places
from backend.core.store.segments import Mark, claim_segments, mark_segments


def submit_rides(
    tx: Transaction, rides: Sequence[Ride], settings: Settings, now: datetime
) -> tuple[RideReceipt, ...]:
    """Store rides, learn from their segments, and say of each ride which of them were learned.

    They break no limit (see `backend.core.rides.judge_ride`). Whether they come together or one after the other, in
    this order, makes no difference but in time: together they take one statement for each table, and one for each
    ride. Every segment is stored with what became of it.
    """
    if not rides:
        return ()
    rules = LearningRules.from_settings(settings)
    claim_segments(tx, _segments(rides))
    marks = mark_segments(tx, _segments(rides))
    seen = tuple(_observed(ride, marks, settings) for ride in rides)
    known = load_taught(
        tx, [(place, observation.device) for each in seen for place, observation in each]
    )
    # Nobody is told anything about a segment that the timetable has no longer.
    retired = {mark.number for mark in marks.values() if mark.retired}
    told = tuple(tuple(place for place, _ in each if place[0] not in retired) for each in seen)
    background = load_background(tx, frozenset(chain.from_iterable(told)))
    changed = Learned({}, {})
    stored: list[dict[str, object]] = []
    receipts: list[RideReceipt] = []
    for ride, observed, places in zip(rides, seen, told, strict=True):
        predictions = predict_places(places, background, known.cells, rules, now)
        newer, judgements = learn_all(known, observed, rules)
        known, changed = known.plus(newer), changed.plus(newer)
        number = _insert_ride(tx, ride, now)
        stored += _rows(number, observed, judgements, predictions)
        receipts.append(_receipt(judgements))
    save_learned(tx, changed)
    tx.execute(_observe, stored)
    return tuple(receipts)


def _segments(rides: Iterable[Ride]) -> Iterator[Segment]:
    return (part.segment for ride in rides for part in ride.segments)


def _observed(
    ride: Ride, marks: Mapping[Segment, Mark], settings: Settings
) -> tuple[tuple[Place, Observation], ...]:
    """Return what a ride observed, and where."""
    device = pseudonym(ride.device_id)
    return tuple(
        (
            (
                marks[part.segment].number,
                bin_of(part.started_at, settings.zone, settings.holidays),
            ),
            Observation(part.seconds, part.started_at, device, part.confidence),
        )
        for part in ride.segments
    )


def _receipt(judgements: Sequence[Judgement]) -> RideReceipt:
    rejected = tuple(
        Rejection(index, judgement)
        for index, judgement in enumerate(judgements)
        if not judgement.learned
    )
    return RideReceipt(len(judgements) - len(rejected), rejected)


def _rows(
    ride: int,
    observed: Sequence[tuple[Place, Observation]],
    judgements: Sequence[Judgement],
    predictions: Mapping[Place, Prediction],
) -> Iterator[dict[str, object]]:
    """Return what is stored of a ride's segments."""
    for position, ((place, observation), judgement) in enumerate(
        zip(observed, judgements, strict=True)
    ):
        segment, time_bin = place
        yield {
            "ride": ride,
            "position": position,
            "segment": segment,
            "bin": time_bin.index,
            "seconds": observation.seconds,
            "confidence": observation.confidence,
            "started_at": observation.at,
            "judgement": judgement.value,
        } | _predicted(predictions.get(place))


def _predicted(prediction: Prediction | None) -> dict[str, object]:
    """Return the columns that say what was expected; empty ones where nothing was."""
    return {
        "predicted_seconds": prediction and prediction.p50,
        "predicted_p90_seconds": prediction and prediction.p90,
        "predicted_from": prediction and prediction.source.value,
    }


def _insert_ride(tx: Transaction, ride: Ride, now: datetime) -> int:
    """Store what a ride is apart from its segments, and return its number."""
    row = {
        "device": pseudonym(ride.device_id),
        "route_id": ride.route_id,
        "received_at": now,
        "scored": False,
    }
    return int(tx.execute(_number_ride, row).scalar_one())


def _number_ride(schema: Schema) -> Executable:
    return insert(schema.rides).returning(schema.rides.c.id)


def _observe(schema: Schema) -> Executable:
    return insert(schema.observations)
