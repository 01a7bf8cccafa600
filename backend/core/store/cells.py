"""What was learned, as it is stored: one row per segment and time bin."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeAlias

from sqlalchemy import Executable, Row, Table, bindparam, select

from backend.core.bins import TimeBin
from backend.core.learning import Cell
from backend.core.storage import Transaction, keys_parameter
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
    return _read(find_rows(tx, tx.schema.cells if table is None else table, segments, bins))


def load_cells_in(tx: Transaction, places: Iterable[Place]) -> dict[Place, Cell]:
    """Return the cells in these places; empty ones are left out."""
    table, key = tx.schema.cells, ("segment", "bin")
    return _read(find_by_keys(tx, table, key, ((place[0], place[1].index) for place in places)))


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
    bins: Collection[TimeBin] | None = None,
) -> Iterable[Row[Any]]:
    """Return the rows of these segments in each of these bins, in the order of bins; None stands for any."""
    given = {
        "segment": segments,
        "bin": None if bins is None else [each.index for each in bins],
    }
    wanted = {name: list(values) for name, values in given.items() if values is not None}

    def build() -> Executable:
        conditions = [table.c[name].in_(bindparam(name, expanding=True)) for name in wanted]
        return select(table).where(*conditions).order_by(table.c.bin)

    return tx.execute(tx.statements.kept(("find", table, *wanted), build), wanted)


def find_by_keys(
    tx: Transaction, table: Table, names: Sequence[str], keys: Iterable[Sequence[str | int]]
) -> Iterable[Row[Any]]:
    """Return the rows that have one of these keys in the columns with these names, with which an index begins."""

    def build() -> Executable:
        return select(table).select_from(tx.joined_by_key(table, *names))

    return tx.execute(tx.statements.kept(("by key", table, *names), build), keys_parameter(keys))


def _read(found: Iterable[Row[Any]]) -> dict[Place, Cell]:
    return {
        (row.segment, TimeBin.from_index(row.bin)): Cell(
            weight=row.weight,
            mean=row.mean,
            spread_sum=row.spread_sum,
            as_of=row.as_of,
            streak_side=row.streak_side,
            streak_devices=row.streak_devices,
        )
        for row in found
    }
