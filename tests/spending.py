"""A ride taken out of a device's allowance, as one that is let in is."""

from datetime import datetime

from backend.core.limiting import Allowance, Grant, take
from backend.core.storage import Transaction
from backend.core.store import load_buckets, save_buckets


def spend(tx: Transaction, device: str, allowance: Allowance, now: datetime) -> Grant:
    """Take a ride out of a device's bucket, if one is left, and keep what is left then."""
    grant = take(load_buckets(tx, [device], allowance, now)[device], allowance, now)
    save_buckets(tx, {device: grant.bucket})
    return grant
