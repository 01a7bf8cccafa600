"""Finding what is stored about a trip."""

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Executable, bindparam, select

from backend.core.bins import TimeBin
from backend.core.errors import NoEstimateError
from backend.core.journeys import Eta, Knowledge, fastest, segments_of
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.storage import Transaction
from backend.core.storage.schema import Schema
from backend.core.store.cells import load_cells
from backend.core.store.eta_cache import EtaCache, Ways
from backend.core.store.feeds import current_id
from backend.core.store.segments import Mark, find, find_marks, read_marks
from backend.core.timetable import TimetableEntry

if TYPE_CHECKING:
    from backend.core.learning import Cell


class Question(NamedTuple):
    """What an estimate depends on, beside what is known: from where, to where and when; then the circumstances."""

    from_stop: str
    to_stop: str
    leaving_at: datetime
    settings: Settings
    now: datetime


def eta(  # noqa: PLR0917 - where, where to and when; then the circumstances, as everywhere
    tx: Transaction,
    from_stop: str,
    to_stop: str,
    leaving_at: datetime,
    settings: Settings,
    now: datetime,
    memory: EtaCache | None = None,
    revision: int | None = None,
) -> Eta:
    """Return how long the fastest known way between two stops takes, leaving then.

    Ways are the routes of the timetable; only where none of them is known from end to end does a
    segment count that nothing but phones vouches for, so that one bogus ride cannot replace what
    the timetable says about a whole trip. The answer is the same with a memory and without one; what is
    read is kept in it under the revision at which the database was before the transaction began.
    Raises NoEstimateError when that is unknown too.
    """
    if memory is None:
        ways = _ways(tx, from_stop, to_stop)
        known = _knowledge(tx, find_marks(tx, _segments((from_stop, to_stop), *ways)))
    else:
        ways, known = _remembered(tx, from_stop, to_stop, memory, revision)
    return _fastest(ways, known, Question(from_stop, to_stop, leaving_at, settings, now))


def remembered_eta(memory: EtaCache, revision: int | None, asked: Question) -> Eta | None:
    """Return what `eta` would, for a database that is at this revision now; None where it has to be asked.

    Raises NoEstimateError as `eta` does.
    """
    kept = memory.trip(revision, asked.from_stop, asked.to_stop)
    return None if kept is None else _fastest(*kept, asked)


def _fastest(ways: Ways, known: Mapping[Segment, Knowledge], asked: Question) -> Eta:
    from_stop, to_stop, leaving_at, settings, now = asked
    found = fastest(ways, known, leaving_at, settings, now)
    if found is None:
        found = fastest(((from_stop, to_stop),), known, leaving_at, settings, now)
    if found is None:
        raise NoEstimateError(
            f"No timetable and no ride leads from {from_stop!r} to {to_stop!r}; check the stops, "
            "or load a feed that has them."
        )
    return found


def _ways(tx: Transaction, from_stop: str, to_stop: str) -> Ways:
    """Return the different sequences of stops by which the timetable's buses go."""
    rows = tx.execute(_find_ways, {"from_stop": from_stop, "to_stop": to_stop})
    ways = (tuple(stop for *_, stop in part) for _, part in groupby(rows, key=lambda row: row[:3]))
    return tuple(dict.fromkeys(ways))


def _find_ways(schema: Schema) -> Executable:
    stops, patterns = schema.pattern_stops, schema.patterns
    first, via, last = stops.alias("first"), stops.alias("via"), stops.alias("last")
    return (
        select(first.c.pattern, first.c.position, last.c.position, via.c.stop)
        .join_from(first, last, first.c.pattern == last.c.pattern)
        .join(via, via.c.pattern == first.c.pattern)
        .join(patterns, patterns.c.id == first.c.pattern)
        .where(
            patterns.c.feed == current_id(schema),
            first.c.stop == bindparam("from_stop"),
            last.c.stop == bindparam("to_stop"),
            first.c.position < last.c.position,
            via.c.position.between(first.c.position, last.c.position),
        )
        .order_by(first.c.pattern, first.c.position, last.c.position, via.c.position)
    )


def _segments(*ways: tuple[str, ...]) -> set[Segment]:
    return {segment for way in ways for segment in segments_of(way)}


def _remembered(
    tx: Transaction, from_stop: str, to_stop: str, memory: EtaCache, revision: int | None
) -> tuple[Ways, dict[Segment, Knowledge]]:
    """Return the ways and what is known about their segments, of which only what is new is read.

    Usually the ways are kept, and one query says whether they and all that is kept about them still hold.
    """
    direct = from_stop, to_stop
    expected, ways = memory.latest_ways(from_stop, to_stop)
    marks, feed = _standing(tx, _segments(direct, *ways))
    if feed != expected:
        kept = memory.ways(feed, from_stop, to_stop)
        ways = _ways(tx, from_stop, to_stop) if kept is None else kept
        memory.keep_ways(feed, from_stop, to_stop, ways)
        marks, _ = _standing(tx, _segments(direct, *ways))
    known = memory.known(feed, marks)
    missing = {segment: mark for segment, mark in marks.items() if segment not in known}
    if missing:
        new = _knowledge(tx, missing, memory.timetables(feed, missing))
        memory.keep_known(feed, marks, new)
        known |= new
    memory.keep_standing(revision, from_stop, to_stop, feed, ways, marks)
    return ways, known


def _standing(tx: Transaction, segments: set[Segment]) -> tuple[dict[Segment, Mark], int]:
    """Return the marks of segments and the number of the current feed, 0 for none."""
    query = tx.statements.kept("marks and feed", lambda: _find_with_feed(tx))
    marks, row = read_marks(tx, segments, query)
    feed = tx.execute(_find_feed).scalar_one() if row is None else row.feed
    return marks, feed or 0


def _find_with_feed(tx: Transaction) -> Executable:
    return find(tx).add_columns(current_id(tx.schema).label("feed"))


def _find_feed(schema: Schema) -> Executable:
    return select(current_id(schema))


def knowledge_of(tx: Transaction, segments: set[Segment]) -> dict[Segment, Knowledge]:
    """Return what the timetable and phones say about each of these segments that has a number."""
    return _knowledge(tx, find_marks(tx, segments))


def _knowledge(
    tx: Transaction,
    marks: Mapping[Segment, Mark],
    timetables: Mapping[Segment, tuple[TimetableEntry, ...]] = MappingProxyType({}),
) -> dict[Segment, Knowledge]:
    """Return what the timetable and phones say about each of these segments; nothing about a retired one.

    The timetables that are given are not read again.
    """
    names = {mark.number: segment for segment, mark in marks.items() if not mark.retired}
    unread = {n: segment for n, segment in names.items() if segment not in timetables}
    entries = {**timetables, **_promised(tx, unread)}
    cells: dict[Segment, list[tuple[TimeBin, Cell]]] = {segment: [] for segment in names.values()}
    for (number, time_bin), cell in load_cells(tx, tuple(names)).items():
        cells[names[number]].append((time_bin, cell))
    silent = {segment: Knowledge() for segment, mark in marks.items() if mark.retired}
    return silent | {
        segment: Knowledge(entries[segment], tuple(cells[segment])) for segment in cells
    }


def _promised(
    tx: Transaction, names: Mapping[int, Segment]
) -> dict[Segment, tuple[TimetableEntry, ...]]:
    """Return what the timetable says about each of these segments, given by their numbers."""
    if not names:
        return {}
    entries: dict[Segment, list[TimetableEntry]] = {segment: [] for segment in names.values()}
    for row in tx.execute(_find_promised, {"segments": list(names)}):
        segment, time_bin = names[row.segment], TimeBin.from_index(row.bin)
        entries[segment].append(TimetableEntry(segment, time_bin, row.mean_seconds, row.departures))
    return {segment: tuple(several) for segment, several in entries.items()}


def _find_promised(schema: Schema) -> Executable:
    timetable = schema.timetable
    return select(timetable).where(
        timetable.c.feed == current_id(schema),
        timetable.c.segment.in_(bindparam("segments", expanding=True)),
    )
