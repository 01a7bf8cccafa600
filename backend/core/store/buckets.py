"""What each device may still send: one token bucket per device (see `backend.core.limiting`)."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Executable, bindparam, delete, select

from backend.core.limiting import Allowance, Bucket, full
from backend.core.storage import Transaction
from backend.core.storage.schema import Schema


def load_buckets(
    tx: Transaction, devices: Collection[str], allowance: Allowance, now: datetime
) -> dict[str, Bucket]:
    """Return the buckets of these devices, which it claims; full ones of those that have none."""
    tx.claim(*(f"device {device}" for device in devices))
    kept = {
        row.device: Bucket(row.tokens, row.price, row.as_of)
        for row in tx.execute(_find, {"devices": list(devices)})
    }
    return {device: full(allowance, now) for device in devices} | kept


def save_buckets(tx: Transaction, buckets: Mapping[str, Bucket]) -> None:
    """Keep what devices have left."""
    tx.upsert(
        tx.schema.buckets,
        [
            {
                "device": device,
                "tokens": bucket.tokens,
                "price": bucket.price,
                "as_of": bucket.as_of,
            }
            for device, bucket in buckets.items()
        ],
    )


def _find(schema: Schema) -> Executable:
    buckets = schema.buckets
    return select(buckets).where(buckets.c.device.in_(bindparam("devices", expanding=True)))


def forget_full_buckets(tx: Transaction, allowance: Allowance, now: datetime) -> int:
    """Delete the buckets that have had the time to fill, and return how many: no device notices.

    But for those that a ride is about to take from: who waited for it might be waited for.
    """
    buckets = tx.schema.buckets
    over = select(buckets.c.device).where(buckets.c.as_of <= now - allowance.refill)
    free = over.with_for_update(skip_locked=True)
    return tx.execute(delete(buckets).where(buckets.c.device.in_(free))).rowcount
