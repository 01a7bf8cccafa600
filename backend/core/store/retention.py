"""Taking away what is older than the operator keeps, a bounded part at a time."""

from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from sqlalchemy import delete, func, select

from backend.core.learning import LearningRules
from backend.core.settings import CLOCK_SKEW, Settings
from backend.core.storage import Transaction
from backend.core.store.accuracy import score_rides
from backend.core.store.buckets import forget_full_buckets
from backend.core.store.learned import learn_all, load_learned, save_learned
from backend.core.store.rebuilding import stored_observations
from backend.core.store.shares import forget_faded_contributions

PER_STEP = 200
"""Rides, and answers, that one transaction takes away: others wait no longer than for that."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one step took away."""

    rides: int
    answers: int
    more: bool
    """Whether there may be more to take right now."""


def retention_step(
    tx: Transaction, settings: Settings, now: datetime, most: int = PER_STEP
) -> Taken:
    """Take away the oldest rides that are too old, and answers whose time is over.

    What was learned from the rides stays, and moves into the checkpoint from which `rebuild` begins; what was
    predicted for them is scored before it goes. Rides go in the order of their numbers, in which they were
    learned: one that is young enough keeps all later ones. One from the future, received under a clock that was
    ahead, is taken for old: it would keep them until that time has come.
    """
    tx.claim("accuracy", "retention")
    rides = _take_rides(tx, settings, now, most)
    answers = _take_answers(tx, settings, now, most)
    forget_full_buckets(tx, settings.allowance, now)
    _take_contributions(tx, settings, now)
    return Taken(rides, answers, more=most in {rides, answers})


def _take_rides(tx: Transaction, settings: Settings, now: datetime, most: int) -> int:
    table = tx.schema.rides
    oldest = tx.execute(
        select(table.c.id, table.c.received_at, table.c.scored).order_by(table.c.id).limit(most)
    ).all()
    limit, future = now - settings.ride_retention, now + CLOCK_SKEW
    gone = tuple(
        takewhile(lambda ride: ride.received_at <= limit or ride.received_at > future, oldest)
    )
    if not gone:
        return 0
    numbers = tuple(ride.id for ride in gone)
    score_rides(tx, [ride.id for ride in gone if ride.scored is False], settings)
    observations = stored_observations(tx, numbers)
    segments = {segment for (segment, _), _ in observations}
    known = load_learned(tx, segments, base=True)
    learned, _ = learn_all(known, observations, LearningRules.from_settings(settings))
    save_learned(tx, learned, base=True)
    tx.execute(delete(table).where(table.c.id.in_(numbers)))
    return len(numbers)


def _take_contributions(tx: Transaction, settings: Settings, now: datetime) -> None:
    """Delete what devices taught when it counts nothing for any ride that is still to be learned.

    On top of the checkpoint those are also the rides that are kept. Rides are as old as they were when they came,
    which may be a moment ago, or by the clock of another service.
    """
    rides, age = tx.schema.rides, settings.observation_window + CLOCK_SKEW
    first = tx.execute(select(func.min(rides.c.received_at))).scalar_one()
    for table, received_at in (
        (tx.schema.device_weights, now),
        (tx.schema.base_device_weights, min(first or now, now)),
    ):
        forget_faded_contributions(tx, settings.half_life, received_at - age, table)


def _take_answers(tx: Transaction, settings: Settings, now: datetime, most: int) -> int:
    table = tx.schema.answers
    over = table.c.stored_at <= now - settings.idempotency_ttl
    some = select(table.c.key).where(over).order_by(table.c.stored_at).limit(most)
    # Without those that a submission has in hand: who waited for it might be waited for.
    keys = tx.execute(some.with_for_update(skip_locked=True)).scalars().all()
    if keys:
        tx.execute(delete(table).where(table.c.key.in_(keys), over))
    return len(keys)
