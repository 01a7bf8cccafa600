"""Single rides, taken as those are that come together."""

from datetime import datetime

from backend.core.admitting import Admitted, TooMany, admit
from backend.core.limiting import Allowance, Grant
from backend.core.rides import Ride, RideReceipt, judge_ride, pseudonym
from backend.core.settings import Settings
from backend.core.storage import Transaction
from backend.core.store import load_buckets, save_buckets, submit_rides
from tests.factories import make_ride, make_settings


def submit_ride(tx: Transaction, ride: Ride, settings: Settings, now: datetime) -> RideReceipt:
    """Store a ride that breaks no limit, and learn from it."""
    assert judge_ride(ride, settings, now) == ()
    (receipt,) = submit_rides(tx, [ride], settings, now)
    return receipt


def spend(tx: Transaction, device: str, allowance: Allowance, now: datetime) -> Grant:
    """Take a ride out of a device's bucket, if one is left, and keep what is left then."""
    settings = make_settings(
        rate_limit_rides=allowance.capacity,
        rate_limit_seconds=allowance.refill.total_seconds(),
    )
    buckets = load_buckets(tx, [pseudonym(device)], allowance, now)
    (decision,), changed = admit([("key", make_ride(device_id=device))], (), buckets, settings, now)
    assert isinstance(decision, Admitted | TooMany)
    save_buckets(tx, changed)
    return decision.grant
