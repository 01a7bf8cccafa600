"""What was learned, as it is stored: one row per segment and time bin."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from typing import Any, TypeAlias

from sqlalchemy import Executable, Row, Table, bindparam, select

from backend.core.bins import TimeBin
from backend.core.learning import Cell
from backend.core.storage import Transaction
from backend.core.store.segments import count_lesson

Place: TypeAlias = tuple[int, TimeBin]
"""Where something is learned: the number of a segment, and a time bin."""


def load_cells(
    tx: Transaction,
    segments: Collection[int] | None,
    bins: Collection[TimeBin] | None = None,
    table: Table | None = None,
) -> dict[Place, Cell]:
    """Return the cells of these segments in these bins, by segment number and bin and in the order of bins.

    Empty ones are left out.
    None stands for all segments or bins, `table` for another one than that of what was learned.
    """
    table = tx.schema.cells if table is None else table
    return {
        (row.segment, TimeBin.from_index(row.bin)): Cell(
            weight=row.weight,
            mean=row.mean,
            spread_sum=row.spread_sum,
            as_of=row.as_of,
            streak_side=row.streak_side,
            streak_devices=row.streak_devices,
        )
        for row in find_rows(tx, table, segments, bins)
    }


def save_cells(tx: Transaction, cells: Mapping[Place, Cell], table: Table | None = None) -> None:
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


def find_rows(
    tx: Transaction,
    table: Table,
    segments: Collection[int] | None,
    bins: Collection[TimeBin] | None,
    device: str | None = None,
) -> Iterable[Row[Any]]:
    """Return the rows of these segments, these bins and this device, in the order of bins; None stands for any."""
    given = {
        "segment": segments,
        "bin": None if bins is None else [each.index for each in bins],
        "device": None if device is None else (device,),
    }
    wanted = {name: list(values) for name, values in given.items() if values is not None}

    def build() -> Executable:
        conditions = [table.c[name].in_(bindparam(name, expanding=True)) for name in wanted]
        return select(table).where(*conditions).order_by(table.c.bin)

    return tx.execute(tx.statements.kept(("find", table, *wanted), build), wanted)
