"""What each device has taught each cell, as it is stored: one row per segment, time bin and device."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Table, delete

from backend.core.bins import TimeBin
from backend.core.sharing import HALF_LIVES_KEPT, Contribution
from backend.core.storage import Transaction
from backend.core.store.cells import Place, find_by_keys, find_rows


def load_contributions(
    tx: Transaction, segments: Collection[int] | None, table: Table
) -> dict[tuple[Place, str], Contribution]:
    """Return what devices have taught the cells of these segments, by place and device; None stands for all."""
    return _read(find_rows(tx, table, segments))


def load_contributions_of(
    tx: Transaction, taught: Iterable[tuple[Place, str]]
) -> dict[tuple[Place, str], Contribution]:
    """Return what these devices have taught in these places."""
    keys = ((place[0], place[1].index, device) for place, device in taught)
    return _read(find_by_keys(tx, tx.schema.device_weights, ("segment", "bin", "device"), keys))


def save_contributions(
    tx: Transaction,
    contributions: Mapping[tuple[Place, str], Contribution],
    table: Table,
) -> None:
    """Write what devices have taught in the place of what is stored for the same cells and devices."""
    tx.upsert(
        table,
        [
            {
                "segment": segment,
                "bin": time_bin.index,
                "device": device,
                "weight": given.weight,
                "as_of": given.as_of,
            }
            for ((segment, time_bin), device), given in contributions.items()
        ],
    )


def forget_faded_contributions(
    tx: Transaction, half_life: timedelta, oldest: datetime, table: Table
) -> int:
    """Delete what counts nothing for any observation from `oldest` on, and return how many rows that were."""
    faded = oldest - HALF_LIVES_KEPT * half_life
    return tx.execute(delete(table).where(table.c.as_of < faded)).rowcount


def _read(found: Iterable[Row[Any]]) -> dict[tuple[Place, str], Contribution]:
    return {
        ((row.segment, TimeBin.from_index(row.bin)), row.device): Contribution(
            row.weight, row.as_of
        )
        for row in found
    }
