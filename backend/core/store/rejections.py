"""What became of the observations of a time: learned, or rejected and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select

from backend.core.learning import Judgement
from backend.core.storage import Transaction


@dataclass(frozen=True, slots=True)
class JudgementCounts:
    """How often each judgement was passed on the rides of one route."""

    route_id: str | None
    """None for rides that named no route."""
    counts: Mapping[Judgement, int]


def count_judgements(
    tx: Transaction, start: datetime, end: datetime, most: int
) -> tuple[JudgementCounts, ...]:
    """Count the judgements on rides received from `start` to before `end`, for the first `most` routes."""
    rides, seen = tx.schema.rides, tx.schema.observations
    counts = [func.sum(case((seen.c.judgement == each.value, 1), else_=0)) for each in Judgement]
    rows = tx.execute(
        select(rides.c.route_id, *counts)
        .join(seen, seen.c.ride == rides.c.id)
        .where(rides.c.received_at >= start, rides.c.received_at < end)
        .group_by(rides.c.route_id)
        # Which of the two kinds of database puts what is NULL first?
        .order_by(rides.c.route_id.is_(None), rides.c.route_id)
        .limit(most)
    )
    return tuple(
        JudgementCounts(row[0], dict(zip(Judgement, map(int, row[1:]), strict=True)))
        for row in rows
    )
