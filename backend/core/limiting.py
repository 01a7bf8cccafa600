"""How many rides a device may send: a token bucket, in whole numbers.

A bucket holds at most `capacity` rides and refills evenly, from empty to full within `refill`. Each
ride that is let in takes one out; where less than one is left, none is let in. So within any time t
no more than `capacity + capacity * t / refill` rides are let in. The method is the token bucket of
J. S. Turner, "New directions in communications", IEEE Communications Magazine 24 (10), 1986, pp.
8-15, there called a leaky bucket.

What is left is counted in tokens, of which `capacity` are added each microsecond and a ride costs as
many as `refill` has microseconds. So nothing is ever rounded: no fraction adds up to a ride too many, and
a device that waits as long as it was told is let in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What each device may send."""

    capacity: int
    """Rides that may come all at once."""
    refill: timedelta
    """How long an empty bucket takes to be full again."""

    @property
    def price(self) -> int:
        """Tokens that a ride costs."""
        return self.refill // MICROSECOND

    @property
    def most(self) -> int:
        """Tokens in a full bucket."""
        return self.capacity * self.price


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a device had left at a moment."""

    tokens: int
    price: int
    """Tokens that a ride cost then: with other settings, the same tokens are worth something else."""
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """Whether a ride is let in, and what that means for the next one."""

    admitted: bool
    bucket: Bucket
    """What to keep of it; after a refusal, but for a clock that was set back, what was there."""
    remaining: int
    """Rides that could follow at once."""
    wait: timedelta
    """After how long one more than `remaining` could, rounded up to microseconds; no bucket is full behind a ride."""


def full(allowance: Allowance, now: datetime) -> Bucket:
    """Return the bucket of a device that has sent nothing yet."""
    return Bucket(allowance.most, allowance.price, now)


def take(bucket: Bucket, allowance: Allowance, now: datetime) -> Grant:
    """Let a ride in if the bucket holds as much as it costs.

    A bucket of a later moment than now - the clock was set back - holds what it held then and goes
    on from now: nobody is shut out until the old time comes again, and nobody gains by it.
    """
    present = refilled(bucket, allowance, now)
    admitted = present.tokens >= present.price
    left = Bucket(present.tokens - present.price, present.price, now) if admitted else present
    kept = left if admitted or now < bucket.as_of else bucket
    remaining = left.tokens // left.price
    return Grant(admitted, kept, remaining, _wait(left, allowance, remaining))


def refilled(bucket: Bucket, allowance: Allowance, now: datetime) -> Bucket:
    """Return the bucket as it is now; one that was made for a larger capacity is just full."""
    passed = max(0, (now - bucket.as_of) // MICROSECOND)
    held = bucket.tokens * allowance.price // bucket.price
    tokens = min(held + passed * allowance.capacity, allowance.most)
    return Bucket(tokens, allowance.price, now)


def _wait(bucket: Bucket, allowance: Allowance, remaining: int) -> timedelta:
    """Return how long it takes until there is one ride more."""
    missing = (remaining + 1) * bucket.price - bucket.tokens
    return -(-missing // allowance.capacity) * MICROSECOND
