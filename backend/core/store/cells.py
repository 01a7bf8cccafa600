"""What was learned, as it is stored: one row per segment and time bin."""

from collections.abc import Collection, Mapping
from dataclasses import fields

from sqlalchemy import Executable, Table, bindparam, select

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
    """Return the cells of these segments in these bins, by segment number and bin and in the order of bins.

    Empty ones are left out.
    None stands for all segments or bins, `table` for another one than that of what was learned.
    """
    table = tx.schema.cells if table is None else table
    given = {"segment": segments, "bin": None if bins is None else [each.index for each in bins]}
    rows = tx.execute(*find_rows(tx, table, given))
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


def find_rows(
    tx: Transaction, table: Table, given: Mapping[str, Collection[object] | None]
) -> tuple[Executable, dict[str, list[object]]]:
    """Return the query, and its parameters, for the rows that have one of the values given for each column.

    None stands for any value. The rows come in the order of bins.
    """
    wanted = {name: list(values) for name, values in given.items() if values is not None}

    def build() -> Executable:
        conditions = [table.c[name].in_(bindparam(name, expanding=True)) for name in wanted]
        return select(table).where(*conditions).order_by(table.c.bin)

    return tx.statements.kept(("find", table, *wanted), build), wanted
