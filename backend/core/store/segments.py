"""The numbers under which segments are stored."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import select, tuple_, update

from backend.core.rides import Segment
from backend.core.storage import Transaction

PER_QUERY = 1000
"""Segments asked for at once: SQLite takes a limited number of parameters."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How a segment stands: as long as it is the same, in one feed, so is all that is known about it."""

    number: int
    lessons: int
    """How often what was learned on it has changed."""
    retired: bool
    """Whether the timetable had departures on it once, and has none now."""


def find_marks(tx: Transaction, segments: Iterable[Segment]) -> dict[Segment, Mark]:
    """Return the marks of those segments that have a number."""
    table = tx.schema.segments
    wanted = tuple(dict.fromkeys((part.from_stop, part.to_stop) for part in segments))
    found: dict[Segment, Mark] = {}
    for start in range(0, len(wanted), PER_QUERY):
        query = select(table).where(
            tuple_(table.c.from_stop, table.c.to_stop).in_(wanted[start : start + PER_QUERY])
        )
        for row in tx.execute(query):
            mark = Mark(row.id, row.lessons, row.retired_at is not None)
            found[Segment(row.from_stop, row.to_stop)] = mark
    return found


def find_segments(tx: Transaction, segments: Iterable[Segment]) -> dict[Segment, int]:
    """Return the numbers of those segments that have one."""
    return {segment: mark.number for segment, mark in find_marks(tx, segments).items()}


def count_lesson(tx: Transaction, numbers: Collection[int]) -> None:
    """Note that what was learned on these segments changes in this transaction, so that no memory of it is used.

    Belongs to everything that writes or deletes cells. The rows are locked in the order of their stops, here and in
    `feeds.make_current`, so that a ride and an import never wait for each other in a circle. SQLite, which has
    one writer, locks nothing.
    """
    table = tx.schema.segments
    order = table.c.from_stop, table.c.to_stop
    rows = select(table.c.id).where(table.c.id.in_(sorted(numbers))).order_by(*order)
    locked = rows.with_for_update(key_share=True)
    tx.execute(update(table).where(table.c.id.in_(locked)).values(lessons=table.c.lessons + 1))


def claim_segments(tx: Transaction, segments: Iterable[Segment]) -> None:
    """Keep other writers from these segments: from what was learned on them, and from giving them a number."""
    tx.claim(*(f"segment {segment}" for segment in segments))


def number_segments(tx: Transaction, segments: Iterable[Segment]) -> dict[Segment, int]:
    """Return the numbers of all these segments, giving one to each that has none yet, which it claims."""
    wanted = tuple(set(segments))
    known = find_marks(tx, wanted)
    new = [segment for segment in wanted if segment not in known]
    if new:
        # Who inserts what another is inserting waits for it, and that one may be waiting for a row of this one.
        claim_segments(tx, new)
        rows = [{"from_stop": part.from_stop, "to_stop": part.to_stop} for part in new]
        tx.insert_new(tx.schema.segments, rows)
        known = find_marks(tx, wanted)
    return {segment: mark.number for segment, mark in known.items()}
