"""However rides are put together into transactions: what is stored is what one after the other would have stored."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import hypothesis.strategies as st
from hypothesis import example, given, settings
from sqlalchemy import select

from backend.core.bins import DayKind, TimeBin
from backend.core.rides import Ride, RideReceipt, Segment
from backend.core.settings import MEMORY, Settings
from backend.core.storage import Database, Transaction
from backend.core.store import save_feed, submit_rides
from backend.core.store.learned import Learned, load_learned
from backend.core.store.segments import number_segments
from tests.factories import START, make_feed, make_ride, make_ride_segment, make_settings
from tests.rides import submit_ride

WAY = ("a", "b", "c")
RETIRED = Segment("x", "y")
ALONE = Segment("d", "a")
PROMISED = tuple(Segment(*ends) for ends in pairwise(WAY))
SEGMENTS = (*PROMISED, Segment("c", "a"), ALONE, RETIRED)
"""Two of the timetable, two of which phones alone know, and one that was in the timetable before."""
AT_NINE = TimeBin(DayKind.WEEKDAY, 36)
SETTINGS = make_settings(half_life_days=0.3, outlier_sigma=1, n0=2, max_device_share=0.5)
MOST_EXAMPLES = 100  # each is two databases, and a test of a law has one second

PARTS = st.tuples(
    st.sampled_from(SEGMENTS),
    st.one_of(st.just(300.0), st.floats(1, 3000)),
    st.sampled_from([0.9, 0.9, 0.9, 0.1]),
    st.sampled_from([0, 1, 20, 300]),
)
RIDES = st.tuples(st.sampled_from("uvw"), st.lists(PARTS, min_size=1, max_size=5))
GROUPS = st.lists(st.lists(RIDES, max_size=5), min_size=1, max_size=3)

Told = tuple[str, list[tuple[Segment, float, float, int]]]


def ride_of(told: Told) -> Ride:
    device, parts = told
    return make_ride(
        [
            make_ride_segment(
                segment,
                seconds=seconds,
                confidence=confidence,
                started_at=START - timedelta(minutes=minutes),
            )
            for segment, seconds, confidence, minutes in parts
        ],
        device_id=device,
    )


def prepare(tx: Transaction) -> None:
    """Load one timetable after another, and number all segments alike."""
    for segment in SEGMENTS:
        number_segments(tx, [segment])
    save_feed(tx, make_feed(("x", "y"), bins=[AT_NINE]), START)
    save_feed(tx, make_feed(WAY, seconds=280, bins=[AT_NINE]), START)


def stored(tx: Transaction) -> tuple[Learned, list[Any]]:
    """Return what is learned, and all that is stored of rides, what was expected before each included."""
    rides, parts = tx.schema.rides, tx.schema.observations
    order = select(rides, parts).join_from(parts, rides).order_by(parts.c.ride, parts.c.position)
    return load_learned(tx, None), [tuple(row) for row in tx.execute(order)]


GOOD, SLOW = (PROMISED[0], 300.0, 0.9, 0), (PROMISED[0], 3000.0, 0.9, 0)
# Outliers, of which the third widens; then a device that has had its share.
ONE_CELL = [("u", [GOOD] * 2), ("v", [GOOD] * 2), ("w", [GOOD] * 2)]
ONE_CELL += [("u", [SLOW]), ("v", [SLOW]), ("w", [SLOW]), ("u", [GOOD] * 3)]
# What was learned in one quarter hour is what is expected in another one.
MANY_BINS = [
    (device, [(ALONE, seconds, 0.9, minutes), (RETIRED, seconds, 0.9, minutes)])
    for device, seconds, minutes in (("u", 200.0, 0), ("v", 400.0, 20), ("w", 300.0, 300))
]


@given(groups=GROUPS)
@example(groups=[ONE_CELL])
@example(groups=[MANY_BINS, MANY_BINS])
@settings(max_examples=min(settings().max_examples // 5, MOST_EXAMPLES))
def test_together_is_one_after_the_other(
    opening: Callable[[str], Database], groups: list[list[Told]]
) -> None:
    """Equal to the last bit: the same operations in the same order."""
    together, single = (
        outcome(opening(MEMORY), groups, submit) for submit in (submit_rides, one_by_one)
    )
    assert together == single


def one_by_one(
    tx: Transaction, rides: Sequence[Ride], settings: Settings, now: datetime
) -> tuple[RideReceipt, ...]:
    return tuple(submit_ride(tx, ride, settings, now) for ride in rides)


def outcome(
    database: Database, groups: list[list[Told]], submit: Callable[..., tuple[RideReceipt, ...]]
) -> tuple[object, ...]:
    """Return the receipts, and what is stored in the end; closes the database."""
    receipts: list[RideReceipt] = []
    try:
        database.migrate()
        with database.writing() as tx:
            prepare(tx)
        for group in groups:
            with database.writing() as tx:
                receipts += submit(tx, [ride_of(told) for told in group], SETTINGS, START)
        with database.reading() as tx:
            return receipts, *stored(tx)
    finally:
        database.close()
