"""The numbers under which segments are stored."""

from collections.abc import Iterable

from sqlalchemy import select, tuple_

from backend.core.rides import Segment
from backend.core.storage import Transaction

PER_QUERY = 1000
"""Segments asked for at once: SQLite takes a limited number of parameters."""


def find_segments(tx: Transaction, segments: Iterable[Segment]) -> dict[Segment, int]:
    """Return the numbers of those segments that have one."""
    table = tx.schema.segments
    wanted = tuple(dict.fromkeys((part.from_stop, part.to_stop) for part in segments))
    found: dict[Segment, int] = {}
    for start in range(0, len(wanted), PER_QUERY):
        rows = tx.execute(
            select(table).where(
                tuple_(table.c.from_stop, table.c.to_stop).in_(wanted[start : start + PER_QUERY])
            )
        )
        found.update((Segment(row.from_stop, row.to_stop), row.id) for row in rows)
    return found


def number_segments(tx: Transaction, segments: Iterable[Segment]) -> dict[Segment, int]:
    """Return the numbers of all these segments, giving one to each that has none yet."""
    # In one order, so that two transactions that number the same ones never wait for each other in a circle.
    wanted = sorted(set(segments), key=lambda part: (part.from_stop, part.to_stop))
    known = find_segments(tx, wanted)
    new = [
        {"from_stop": part.from_stop, "to_stop": part.to_stop}
        for part in wanted
        if part not in known
    ]
    tx.insert_new(tx.schema.segments, new)
    return find_segments(tx, wanted) if new else known
