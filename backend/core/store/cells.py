"""What was learned, as it is stored: one row per segment and time bin."""

from collections.abc import Collection, Mapping
from dataclasses import fields

from sqlalchemy import Table, select

from backend.core.bins import TimeBin
from backend.core.learning import Cell
from backend.core.storage import Transaction
from backend.core.store.segments import count_lesson


def load_cells(
    tx: Transaction,
    segments: Collection[int] | None,
    bins: Collection[TimeBin] | None = None,
    table: Table | None = None,
) -> dict[tuple[int, TimeBin], Cell]:
    """Return the cells of these segments in these bins, by segment number and bin; empty ones are left out.

    None stands for all segments or bins, `table` for another one than that of what was learned.
    """
    table = tx.schema.cells if table is None else table
    wanted = select(table).order_by(table.c.bin)
    if segments is not None:
        wanted = wanted.where(table.c.segment.in_(segments))
    if bins is not None:
        wanted = wanted.where(table.c.bin.in_([each.index for each in bins]))
    rows = tx.execute(wanted)
    return {
        (row.segment, TimeBin.from_index(row.bin)): Cell(
            weight=row.weight,
            mean=row.mean,
            spread_sum=row.spread_sum,
            as_of=row.as_of,
            streak_side=row.streak_side,
            streak_devices=row.streak_devices,
        )
        for row in rows
    }


def save_cells(
    tx: Transaction, cells: Mapping[tuple[int, TimeBin], Cell], table: Table | None = None
) -> None:
    """Write cells in the place of those stored under the same segment numbers and bins."""
    if cells and table in {None, tx.schema.cells}:
        count_lesson(tx, {segment for segment, _ in cells})
    learned = tuple(column.name for column in fields(Cell))
    tx.upsert(
        tx.schema.cells if table is None else table,
        [
            {"segment": segment, "bin": time_bin.index}
            | {name: getattr(cell, name) for name in learned}
            for (segment, time_bin), cell in cells.items()
        ],
    )
