"""What each device may still send: one token bucket per device (see `backend.core.limiting`)."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Executable, bindparam, delete, select

from backend.core.limiting import Allowance, Bucket, Grant, full, take
from backend.core.storage import Transaction
from backend.core.storage.schema import Schema


def spend(tx: Transaction, device: str, allowance: Allowance, now: datetime) -> Grant:
    """Take a ride out of a device's bucket, if one is left, and keep what is left then."""
    tx.claim(f"device {device}")
    row = tx.execute(_find, {"device": device}).one_or_none()
    kept = full(allowance, now) if row is None else Bucket(row.tokens, row.price, row.as_of)
    grant = take(kept, allowance, now)
    if grant.bucket != kept:
        tx.upsert(tx.schema.buckets, [{"device": device} | asdict(grant.bucket)])
    return grant


def _find(schema: Schema) -> Executable:
    buckets = schema.buckets
    return select(buckets.c.tokens, buckets.c.price, buckets.c.as_of).where(
        buckets.c.device == bindparam("device")
    )


def forget_full_buckets(tx: Transaction, allowance: Allowance, now: datetime) -> int:
    """Delete the buckets that have had the time to fill, and return how many: no device notices."""
    buckets = tx.schema.buckets
    return tx.execute(delete(buckets).where(buckets.c.as_of <= now - allowance.refill)).rowcount
