"""Finding what is stored about a trip."""

from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import select

from backend.core.bins import TimeBin
from backend.core.errors import NoEstimateError
from backend.core.journeys import Eta, Knowledge, fastest, segments_of
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.storage import Transaction
from backend.core.store.cells import load_cells
from backend.core.store.segments import find_segments
from backend.core.timetable import TimetableEntry

if TYPE_CHECKING:
    from backend.core.learning import Cell


def eta(  # noqa: PLR0917 - where, where to and when; then the circumstances, as everywhere
    tx: Transaction,
    from_stop: str,
    to_stop: str,
    leaving_at: datetime,
    settings: Settings,
    now: datetime,
) -> Eta:
    """Return how long the fastest known way between two stops takes, leaving then.

    Ways are the routes of the timetable; only where none of them is known from end to end does a
    segment count that nothing but phones vouches for, so that one bogus ride cannot replace what
    the timetable says about a whole trip. Raises NoEstimateError when that is unknown too.
    """
    direct, ways = (from_stop, to_stop), _ways(tx, from_stop, to_stop)
    known = knowledge_of(tx, {segment for way in (direct, *ways) for segment in segments_of(way)})
    found = fastest(ways, known, leaving_at, settings, now)
    if found is None:
        found = fastest((direct,), known, leaving_at, settings, now)
    if found is None:
        raise NoEstimateError(
            f"No timetable and no ride leads from {from_stop!r} to {to_stop!r}; check the stops, "
            "or load a feed that has them."
        )
    return found


def _ways(tx: Transaction, from_stop: str, to_stop: str) -> tuple[tuple[str, ...], ...]:
    """Return the different sequences of stops by which the timetable's buses go."""
    stops = tx.schema.pattern_stops
    first, via, last = stops.alias("first"), stops.alias("via"), stops.alias("last")
    rows = tx.execute(
        select(first.c.pattern, first.c.position, last.c.position, via.c.stop)
        .join_from(first, last, first.c.pattern == last.c.pattern)
        .join(via, via.c.pattern == first.c.pattern)
        .where(
            first.c.stop == from_stop,
            last.c.stop == to_stop,
            first.c.position < last.c.position,
            via.c.position.between(first.c.position, last.c.position),
        )
        .order_by(first.c.pattern, first.c.position, last.c.position, via.c.position)
    )
    ways = (tuple(stop for *_, stop in part) for _, part in groupby(rows, key=lambda row: row[:3]))
    return tuple(dict.fromkeys(ways))


def knowledge_of(tx: Transaction, segments: set[Segment]) -> dict[Segment, Knowledge]:
    """Return what the timetable and phones say about each of these segments that has a number."""
    numbers = find_segments(tx, segments)
    names = {number: segment for segment, number in numbers.items()}
    entries: dict[Segment, list[TimetableEntry]] = {segment: [] for segment in numbers}
    cells: dict[Segment, list[tuple[TimeBin, Cell]]] = {segment: [] for segment in numbers}
    timetable = tx.schema.timetable
    for row in tx.execute(select(timetable).where(timetable.c.segment.in_(tuple(names)))):
        segment, time_bin = names[row.segment], TimeBin.from_index(row.bin)
        entries[segment].append(TimetableEntry(segment, time_bin, row.mean_seconds, row.departures))
    for (number, time_bin), cell in load_cells(tx, tuple(names)).items():
        cells[names[number]].append((time_bin, cell))
    return {
        segment: Knowledge(tuple(entries[segment]), tuple(cells[segment])) for segment in numbers
    }
