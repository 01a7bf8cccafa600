"""How many rides a device may send: a token bucket, in whole numbers.

A bucket holds at most `capacity` rides and refills evenly, from empty to full within `refill`. Each
ride that is let in takes one out; where less than one is left, none is let in. So within any time t
no more than `capacity + capacity * t / refill` rides are let in. The method is the token bucket of
J. S. Turner, "New directions in communications", IEEE Communications Magazine 24 (10), 1986, pp.
8-15, there called a leaky bucket.

What is left is counted in millionths of a ride and time in microseconds, with whole numbers that
are rounded down: no fraction ever adds up to a ride too many, and a device that waits as long as it
was told is let in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

RIDE = 1_000_000
"""Tokens that a ride costs."""

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What each device may send."""

    capacity: int
    """Rides that may come all at once."""
    refill: timedelta
    """How long an empty bucket takes to be full again."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a device had left at a moment."""

    tokens: int
    """Millionths of a ride."""
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """Whether a ride is let in, and what that means for the next one."""

    admitted: bool
    bucket: Bucket
    """What to keep of it: after a refusal what was there, so that no fraction is lost by asking."""
    remaining: int
    """Rides that could follow at once."""
    wait: timedelta
    """After how long one more than `remaining` could; 0 when the bucket is full."""


def full(allowance: Allowance, now: datetime) -> Bucket:
    """Return the bucket of a device that has sent nothing yet."""
    return Bucket(allowance.capacity * RIDE, now)


def take(bucket: Bucket, allowance: Allowance, now: datetime) -> Grant:
    """Let a ride in if the bucket holds as much as it costs.

    A bucket of a later moment than now - the clock was set back - holds what it held then and goes
    on from now: nobody is shut out until the old time comes again, and nobody gains by it.
    """
    present = refilled(bucket, allowance, now)
    admitted = present.tokens >= RIDE
    left = Bucket(present.tokens - RIDE, now) if admitted else present
    kept = left if admitted or now < bucket.as_of else bucket
    remaining = left.tokens // RIDE
    return Grant(admitted, kept, remaining, _wait(left, allowance, remaining))


def refilled(bucket: Bucket, allowance: Allowance, now: datetime) -> Bucket:
    """Return the bucket as it is now; one that was made for a larger capacity is just full."""
    passed = max(0, (now - bucket.as_of) // MICROSECOND)
    added = passed * allowance.capacity * RIDE // (allowance.refill // MICROSECOND)
    return Bucket(min(bucket.tokens + added, allowance.capacity * RIDE), now)


def _wait(bucket: Bucket, allowance: Allowance, remaining: int) -> timedelta:
    """Return how long it takes until there is one ride more, rounded up to whole microseconds."""
    if remaining >= allowance.capacity:
        return timedelta(0)
    missing = (remaining + 1) * RIDE - bucket.tokens
    period = allowance.refill // MICROSECOND
    return -(-missing * period // (allowance.capacity * RIDE)) * MICROSECOND
