"""Rides: one ride is one transaction, all or nothing."""

import hashlib
from datetime import datetime

from sqlalchemy import Executable, insert

from backend.core.accuracy import Prediction
from backend.core.bins import bin_of
from backend.core.errors import RideRefusedError
from backend.core.learning import LearningRules, Observation
from backend.core.rides import Rejection, Ride, RideReceipt, judge_ride
from backend.core.settings import Settings
from backend.core.storage import Transaction
from backend.core.storage.schema import Schema
from backend.core.store.learned import learn_all, load_learned, save_learned
from backend.core.store.predictions import predict_places
from backend.core.store.segments import claim_segments, mark_segments


def submit_ride(tx: Transaction, ride: Ride, settings: Settings, now: datetime) -> RideReceipt:
    """Store a ride, learn from its segments, and say which of them were learned.

    Every segment is stored with what became of it. Raises RideRefusedError, before anything is
    written, for a ride that breaks a limit.
    """
    problems = judge_ride(ride, settings, now)
    if problems:
        raise RideRefusedError(problems)
    device = pseudonym(ride.device_id)
    claim_segments(tx, (part.segment for part in ride.segments))
    marks = mark_segments(tx, (part.segment for part in ride.segments))
    places = tuple(
        (marks[part.segment].number, bin_of(part.started_at, settings.zone, settings.holidays))
        for part in ride.segments
    )
    observations = tuple(
        Observation(part.seconds, part.started_at, device, part.confidence)
        for part in ride.segments
    )
    rules = LearningRules.from_settings(settings)
    numbers = {mark.number for mark in marks.values()}
    known = load_learned(tx, numbers, {moment for _, moment in places}, device)
    # Nobody is told anything about a segment that the timetable has no longer.
    retired = {mark.number for mark in marks.values() if mark.retired}
    told = [place for place in places if place[0] not in retired]
    predictions = predict_places(tx, told, known.cells, rules, now)
    learned, judgements = learn_all(known, tuple(zip(places, observations, strict=True)), rules)
    save_learned(tx, learned)
    ride_number = _insert_ride(tx, ride, device, now)
    tx.execute(
        _observe,
        [
            {
                "ride": ride_number,
                "position": position,
                "segment": segment,
                "bin": time_bin.index,
                "seconds": observation.seconds,
                "confidence": observation.confidence,
                "started_at": observation.at,
                "judgement": judgement.value,
                **_predicted(predictions.get((segment, time_bin))),
            }
            for position, ((segment, time_bin), observation, judgement) in enumerate(
                zip(places, observations, judgements, strict=True)
            )
        ],
    )
    rejected = tuple(
        Rejection(index, judgement)
        for index, judgement in enumerate(judgements)
        if not judgement.learned
    )
    return RideReceipt(len(judgements) - len(rejected), rejected)


def pseudonym(device_id: str) -> str:
    """Return a name that tells devices apart without spelling them out: 16 hexadecimal digits.

    Whoever knows a device's id can still find its rides; this is tidiness, not anonymity.
    """
    return hashlib.blake2b(device_id.encode(), digest_size=8).hexdigest()


def _predicted(prediction: Prediction | None) -> dict[str, object]:
    """Return the columns that say what was expected; empty ones where nothing was."""
    return {
        "predicted_seconds": prediction and prediction.p50,
        "predicted_p90_seconds": prediction and prediction.p90,
        "predicted_from": prediction and prediction.source.value,
    }


def _insert_ride(tx: Transaction, ride: Ride, device: str, now: datetime) -> int:
    """Store what a ride is apart from its segments, and return its number."""
    row = {"device": device, "route_id": ride.route_id, "received_at": now, "scored": False}
    return int(tx.execute(_number_ride, row).scalar_one())


def _number_ride(schema: Schema) -> Executable:
    return insert(schema.rides).returning(schema.rides.c.id)


def _observe(schema: Schema) -> Executable:
    return insert(schema.observations)
