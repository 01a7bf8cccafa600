"""Which trips of the current feed run at a moment, and what was learned on their ways."""

from collections.abc import Collection
from datetime import date, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from sqlalchemy import Row, func, select

from backend.core.bins import TimeBin
from backend.core.learning import Cell
from backend.core.rides import Segment
from backend.core.schedule import day_begins
from backend.core.settings import Settings
from backend.core.storage import Transaction
from backend.core.store.cells import load_cells
from backend.core.store.feeds import current_id
from backend.core.store.schedules import SECOND, service_days
from backend.core.store.segments import find_segments
from backend.core.timetable import Call
from backend.core.trip_updates import LATEST, TripRun, bins_between

SEGMENTS_AT_A_TIME = 25
"""Of which the cells are asked for, in all bins: the statement has a parameter for each."""


def running_trips(
    tx: Transaction, now: datetime, zone: ZoneInfo, route_id: str | None, most: int
) -> tuple[TripRun, ...]:
    """Return the trips that have left their first stop by `now` and may not have reached their last one yet.

    Those that left last come first. By the timetable the last stop may lie `LATEST` back.
    """
    latest = _latest(tx)
    if latest is None:
        return ()
    longest = latest * SECOND + LATEST
    found: list[tuple[datetime, date, str, str]] = []
    for day, begins, running in service_days(tx, now - longest, now, zone):
        since = (now - begins) // SECOND
        if 0 <= since <= longest // SECOND:
            rows = _trips(tx, running, since, route_id, most)
            found.extend(
                (begins + row.departure * SECOND, day, row.id, row.route_id) for row in rows
            )
    found.sort(key=lambda each: (each[0], each[1]), reverse=True)
    chosen = found[:most]
    calls = _calls(tx, {trip for *_, trip, _ in chosen})
    return tuple(TripRun(trip, route, day, calls[trip]) for _, day, trip, route in chosen)


def learned_on(
    tx: Transaction, runs: Collection[TripRun], settings: Settings
) -> dict[tuple[Segment, TimeBin], Cell]:
    """Return what was learned on the ways of these trips, at all times at which they may be there."""
    segments = {segment for run in runs for segment in run.segments if segment is not None}
    numbers = find_segments(tx, segments)
    if not numbers:
        return {}
    begin = [day_begins(run.service_day, settings.zone) for run in runs]
    first = min(day + run.calls[0].departure * SECOND for day, run in zip(begin, runs, strict=True))
    last = max(day + run.calls[-1].departure * SECOND for day, run in zip(begin, runs, strict=True))
    bins = bins_between(first, last + LATEST, settings)
    names = {number: segment for segment, number in numbers.items()}
    found: dict[tuple[Segment, TimeBin], Cell] = {}
    for part in range(0, len(names), SEGMENTS_AT_A_TIME):
        cells = load_cells(tx, tuple(names)[part : part + SEGMENTS_AT_A_TIME], bins)
        found |= {(names[number], time_bin): cell for (number, time_bin), cell in cells.items()}
    return found


def _latest(tx: Transaction) -> int | None:
    """Return the latest end of a trip, in seconds of its service day; None where there is no trip."""
    trips, calls = tx.schema.trips, tx.schema.calls
    found: int | None = tx.execute(
        select(func.max(calls.c.arrival))
        .join_from(trips, calls, (calls.c.feed == trips.c.feed) & (calls.c.trip == trips.c.id))
        .where(trips.c.feed == current_id(tx.schema), calls.c.position == trips.c.last_position)
    ).scalar_one()
    return found


def _trips(
    tx: Transaction, services: Collection[str], since: int, route_id: str | None, most: int
) -> tuple[Row[tuple[str, str, int]], ...]:
    """Return trips of one service day, at so many seconds of it, those that left last first."""
    trips, patterns = tx.schema.trips, tx.schema.patterns
    first, last = tx.schema.calls.alias("first"), tx.schema.calls.alias("last")
    query = (
        select(trips.c.id, patterns.c.route_id, first.c.departure)
        .join_from(trips, patterns, patterns.c.id == trips.c.pattern)
        .join(first, (first.c.feed == trips.c.feed) & (first.c.trip == trips.c.id))
        .join(last, (last.c.feed == trips.c.feed) & (last.c.trip == trips.c.id))
        .where(
            trips.c.feed == current_id(tx.schema),
            trips.c.service.in_(tuple(services)),
            first.c.position == 0,
            first.c.departure <= since,
            last.c.position == trips.c.last_position,
            last.c.arrival >= since - LATEST // SECOND,
        )
        .order_by(first.c.departure.desc(), trips.c.id)
        .limit(most)
    )
    if route_id is not None:
        query = query.where(patterns.c.route_id == route_id)
    return tuple(tx.execute(query))


def _calls(tx: Transaction, trips: Collection[str]) -> dict[str, tuple[Call, ...]]:
    """Return the calls of trips of the current feed."""
    calls = tx.schema.calls
    rows = tx.execute(
        select(calls.c.trip, calls.c.stop, calls.c.arrival, calls.c.departure, calls.c.sequence)
        .where(calls.c.feed == current_id(tx.schema), calls.c.trip.in_(tuple(trips)))
        .order_by(calls.c.trip, calls.c.position)
    )
    return {
        trip: tuple(Call(row.stop, row.arrival, row.departure, row.sequence) for row in group)
        for trip, group in groupby(rows, key=lambda row: row.trip)
    }
