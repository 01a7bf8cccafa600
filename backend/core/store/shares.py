"""What each device has taught each cell, as it is stored: one row per segment, time bin and device."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from backend.core.bins import TimeBin
from backend.core.sharing import Contribution
from backend.core.storage import Transaction

HALF_LIVES_KEPT = 20
"""After as many, an observation counts less than a millionth."""


def load_contributions(
    tx: Transaction, device: str, segments: Collection[int], bins: Collection[TimeBin]
) -> dict[tuple[int, TimeBin], Contribution]:
    """Return a device's parts in the cells of these segments and bins; where it taught nothing, there is none."""
    table = tx.schema.device_weights
    rows = tx.execute(
        select(table).where(
            table.c.segment.in_(segments),
            table.c.bin.in_([each.index for each in bins]),
            table.c.device == device,
        )
    )
    return {
        (row.segment, TimeBin.from_index(row.bin)): Contribution(row.weight, row.as_of)
        for row in rows
    }


def save_contributions(
    tx: Transaction, device: str, contributions: Mapping[tuple[int, TimeBin], Contribution]
) -> None:
    """Write a device's parts in the place of those stored for the same cells."""
    tx.upsert(
        tx.schema.device_weights,
        [
            {
                "segment": segment,
                "bin": time_bin.index,
                "device": device,
                "weight": given.weight,
                "as_of": given.as_of,
            }
            for (segment, time_bin), given in contributions.items()
        ],
    )


def forget_faded_contributions(tx: Transaction, half_life: timedelta, now: datetime) -> int:
    """Delete what counts next to nothing by now, and return how many rows that were."""
    table = tx.schema.device_weights
    return tx.execute(
        delete(table).where(table.c.as_of <= now - HALF_LIVES_KEPT * half_life)
    ).rowcount
