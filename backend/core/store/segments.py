"""The numbers under which segments are stored."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Executable, Row, Select, bindparam, select, update

from backend.core.rides import Segment
from backend.core.storage import Transaction, keys_parameter
from backend.core.storage.schema import Schema


@dataclass(frozen=True, slots=True)
class Mark:
    """How a segment stands: as long as it is the same, in one feed, so is all that is known about it."""

    number: int
    lessons: int
    """How often what was learned on it has changed."""
    retired: bool
    """Whether the timetable had departures on it once, and has none now."""

    def but_for_lessons(self) -> tuple[int, bool]:
        """Return what has to be the same, in one feed, for what the timetable says to be the same."""
        return self.number, self.retired


def find_marks(tx: Transaction, segments: Iterable[Segment]) -> dict[Segment, Mark]:
    """Return the marks of those segments that have a number."""
    marks, _ = read_marks(tx, segments, tx.statements.kept("marks", lambda: find(tx)))
    return marks


def read_marks(
    tx: Transaction, segments: Iterable[Segment], query: Executable
) -> tuple[dict[Segment, Mark], Row[Any] | None]:
    """Return the marks of those segments that have a number, and any one of the rows that were read.

    `query` is `find`, or `find` with more columns.
    """
    marks: dict[Segment, Mark] = {}
    row: Row[Any] | None = None
    for row in tx.execute(
        query, keys_parameter((part.from_stop, part.to_stop) for part in segments)
    ):
        marks[Segment(row.from_stop, row.to_stop)] = Mark(row.id, row.lessons, row.retired)
    return marks, row


def find(tx: Transaction) -> Select[Any]:
    """Find segments by their stops."""
    table = tx.schema.segments
    retired = table.c.retired_at.is_not(None).label("retired")
    return select(
        table.c.id, table.c.from_stop, table.c.to_stop, table.c.lessons, retired
    ).select_from(tx.joined_by_key(table, "from_stop", "to_stop"))


def find_segments(tx: Transaction, segments: Iterable[Segment]) -> dict[Segment, int]:
    """Return the numbers of those segments that have one."""
    return {segment: mark.number for segment, mark in find_marks(tx, segments).items()}


def count_lesson(tx: Transaction, numbers: Collection[int]) -> None:
    """Note that what was learned on these segments changes in this transaction, so that no memory of it is used.

    Belongs to everything that writes or deletes cells. The rows are locked in the order of their stops, here and in
    `feeds.make_current`, so that a ride and an import never wait for each other in a circle. SQLite, which has
    one writer, locks nothing.
    """
    tx.execute(_count_lesson, {"numbers": sorted(numbers)})


def _count_lesson(schema: Schema) -> Executable:
    table = schema.segments
    wanted = table.c.id.in_(bindparam("numbers", expanding=True))
    rows = select(table.c.id).where(wanted).order_by(table.c.from_stop, table.c.to_stop)
    locked = rows.with_for_update(key_share=True)
    return update(table).where(table.c.id.in_(locked)).values(lessons=table.c.lessons + 1)


def claim_segments(tx: Transaction, segments: Iterable[Segment]) -> None:
    """Keep other writers from these segments: from what was learned on them, and from giving them a number."""
    tx.claim(*(f"segment {segment}" for segment in segments))


def number_segments(tx: Transaction, segments: Iterable[Segment]) -> dict[Segment, int]:
    """Return the numbers of all these segments, giving one to each that has none yet, which it claims."""
    return {segment: mark.number for segment, mark in mark_segments(tx, segments).items()}


def mark_segments(tx: Transaction, segments: Iterable[Segment]) -> dict[Segment, Mark]:
    """Return the marks of all these segments, giving a number to each that has none yet, which it claims."""
    wanted = tuple(set(segments))
    known = find_marks(tx, wanted)
    new = [segment for segment in wanted if segment not in known]
    if new:
        # Who inserts what another is inserting waits for it, and that one may be waiting for a row of this one.
        claim_segments(tx, new)
        rows = [{"from_stop": part.from_stop, "to_stop": part.to_stop} for part in new]
        tx.insert_new(tx.schema.segments, rows)
        known = find_marks(tx, wanted)
    return known
