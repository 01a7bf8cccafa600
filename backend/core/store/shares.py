"""What each device has taught each cell, as it is stored: one row per segment, time bin and device."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Table, delete

from backend.core.bins import TimeBin
from backend.core.sharing import Contribution
from backend.core.storage import Transaction
from backend.core.store.cells import find_rows

HALF_LIVES_KEPT = 20
"""After as many, an observation counts less than a millionth."""


def load_contributions(
    tx: Transaction,
    segments: Collection[int] | None,
    bins: Collection[TimeBin] | None,
    device: str | None,
    table: Table,
) -> dict[tuple[tuple[int, TimeBin], str], Contribution]:
    """Return what devices have taught these cells, by place and device; None stands for all."""
    given = {
        "segment": segments,
        "bin": None if bins is None else [each.index for each in bins],
        "device": None if device is None else (device,),
    }
    return {
        ((row.segment, TimeBin.from_index(row.bin)), row.device): Contribution(
            row.weight, row.as_of
        )
        for row in tx.execute(*find_rows(tx, table, given))
    }


def save_contributions(
    tx: Transaction,
    contributions: Mapping[tuple[tuple[int, TimeBin], str], Contribution],
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


def forget_faded_contributions(tx: Transaction, half_life: timedelta, now: datetime) -> int:
    """Delete what counts next to nothing by now, and return how many rows that were."""
    tables = tx.schema.device_weights, tx.schema.base_device_weights
    faded = now - HALF_LIVES_KEPT * half_life
    return sum(tx.execute(delete(each).where(each.c.as_of <= faded)).rowcount for each in tables)
