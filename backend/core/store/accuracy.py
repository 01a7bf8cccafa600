"""Scores of predictions, added up a bounded number of rides at a time."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, fields
from datetime import date
from typing import Any

from sqlalchemy import CursorResult, select, tuple_, update

from backend.core.accuracy import (
    Outcome,
    Place,
    Prediction,
    Score,
    Source,
    add_outcomes,
    service_day,
)
from backend.core.learning import Judgement
from backend.core.settings import Settings
from backend.core.storage import Transaction

RIDES_PER_STEP = 200


def score_step(tx: Transaction, settings: Settings, most: int = RIDES_PER_STEP) -> bool:
    """Score the oldest rides that are not scored yet; True when there may be more.

    What is added and which rides it came from are one transaction, so that each counts exactly once
    wherever the process is killed.
    """
    tx.claim("accuracy")
    rides = tx.schema.rides
    found = tx.execute(
        select(rides.c.id).where(rides.c.scored.is_(False)).order_by(rides.c.id).limit(most)
    )
    numbers = found.scalars().all()
    score_rides(tx, numbers, settings)
    return len(numbers) == most


def score_rides(tx: Transaction, numbers: Collection[int], settings: Settings) -> None:
    """Add the outcomes of these unscored rides to the scores; the caller has claimed "accuracy".

    Observations whose map matching was too unsure to be learned are left out: nobody knows which
    segment they timed. Outliers count, since a passenger may have sat in that bus.
    """
    if not numbers:
        return
    schema = tx.schema
    seen = schema.observations
    rows = tx.execute(
        select(seen)
        .where(
            seen.c.ride.in_(numbers),
            seen.c.predicted_seconds.is_not(None),
            seen.c.judgement != Judgement.LOW_CONFIDENCE.value,
        )
        .order_by(seen.c.ride, seen.c.position)
    )
    outcomes = [
        Outcome(
            service_day(row.started_at, settings.zone),
            Prediction(
                row.predicted_seconds, row.predicted_p90_seconds, Source(row.predicted_from)
            ),
            row.seconds,
        )
        for row in rows
    ]
    places = {(each.day, each.prediction.source) for each in outcomes}
    _save(tx, add_outcomes(_load(tx, places), outcomes))
    tx.execute(update(schema.rides).where(schema.rides.c.id.in_(numbers)).values(scored=True))


def accuracy_since(tx: Transaction, first: date) -> dict[Place, Score]:
    """Return the scores of this day and of those after it, the latest day first."""
    table = tx.schema.accuracy
    return _scores(
        tx.execute(
            select(table)
            .where(table.c.day >= first.isoformat())
            .order_by(table.c.day.desc(), table.c.predicted_from)
        )
    )


def _load(tx: Transaction, places: Collection[Place]) -> dict[Place, Score]:
    table = tx.schema.accuracy
    wanted = tuple((day.isoformat(), source.value) for day, source in places)
    key = tuple_(table.c.day, table.c.predicted_from)
    return _scores(tx.execute(select(table).where(key.in_(wanted))))


def _scores(rows: CursorResult[Any]) -> dict[Place, Score]:
    names = tuple(column.name for column in fields(Score))
    return {
        (date.fromisoformat(row["day"]), Source(row["predicted_from"])): Score(
            **{name: row[name] for name in names}
        )
        for row in rows.mappings()  # by name: a row has a method that is called count
    }


def _save(tx: Transaction, scores: Mapping[Place, Score]) -> None:
    tx.upsert(
        tx.schema.accuracy,
        [
            {"day": day.isoformat(), "predicted_from": source.value} | asdict(score)
            for (day, source), score in scores.items()
        ],
    )
