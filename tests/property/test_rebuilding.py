"""Whatever rides come, and whenever old ones are taken away: learning again leads to the same state."""

from dataclasses import replace
from datetime import datetime, timedelta

import hypothesis.strategies as st
from hypothesis import example, given, settings
from sqlalchemy import delete

from backend.core.rides import RideSegment, Segment
from backend.core.settings import CLOCK_SKEW, MEMORY
from backend.core.sharing import HALF_LIVES_KEPT
from backend.core.storage import Transaction, open_database
from backend.core.store import rebuild, retention_step
from backend.core.store.learned import Learned, load_learned
from tests.factories import FakeClock, make_ride, make_ride_segment, make_settings
from tests.rides import submit_ride

SEGMENTS = tuple(Segment(name, "end") for name in "ab")
SETTINGS = make_settings(
    ride_retention_days=1,
    observation_window_days=0.5,
    half_life_days=0.3,
    outlier_sigma=1,
    n0=2,
    max_device_share=0.5,
)
WEEK = 7  # days, more than as many half-lives as count
KEPT = HALF_LIVES_KEPT * SETTINGS.half_life + SETTINGS.observation_window + CLOCK_SKEW

PARTS = st.tuples(
    st.sampled_from(SEGMENTS),
    st.one_of(st.just(300.0), st.floats(1, 3000)),
    st.sampled_from([0.9, 0.9, 0.9, 0.1]),
    st.sampled_from([0, 1, 2, 30]),
)
RIDES = st.tuples(st.sampled_from("uvwx"), st.lists(PARTS, min_size=1, max_size=6))
DAYS = st.lists(
    st.tuples(
        st.lists(RIDES, min_size=1, max_size=3), st.sampled_from([1, WEEK]), st.integers(0, 2)
    ),
    min_size=2,
    max_size=4,
)
GOOD = tuple((segment, 300.0, 0.9, 0) for segment in SEGMENTS)
# A device fills its share to the last bit a week after its ride, which is the one that is still there.
AT_THE_SHARE = [
    ([("v", [GOOD[1]]), ("w", [GOOD[1]]), ("u", [GOOD[0]])], WEEK, 1),
    ([("u", [GOOD[0], GOOD[0]])], 1, 0),
]
# What a device taught moves into the checkpoint long after, and a ride of the same day is still to be judged by it.
ON_TOP_OF_OLD = [
    ([("v", [GOOD[0], GOOD[0]]), ("w", [GOOD[1]]), ("v", [GOOD[0]])], WEEK, 1),
    ([("w", [GOOD[1]])], 1, 0),
]
MOST_EXAMPLES = 200  # each is a database of its own, and a test of a law has one second


def part_of(part: tuple[Segment, float, float, int], clock: FakeClock) -> RideSegment:
    segment, seconds, confidence, minutes = part
    started_at = clock.now() - timedelta(minutes=minutes)
    return make_ride_segment(segment, seconds=seconds, confidence=confidence, started_at=started_at)


def learned(tx: Transaction, now: datetime) -> Learned:
    """Return all that is learned, but for what has faded: of that some may be there or not."""
    found = load_learned(tx, None)
    parts = found.contributions.items()
    return Learned(
        found.cells, {key: part for key, part in parts if part.as_of and now - part.as_of <= KEPT}
    )


@given(DAYS)
@example(AT_THE_SHARE)
@example(ON_TOP_OF_OLD)
@settings(max_examples=min(settings().max_examples // 5, MOST_EXAMPLES))
def test_learning_again_gives_what_was_learned(
    days: list[tuple[list[tuple[str, list[tuple[Segment, float, float, int]]]], int, int]],
) -> None:
    """Equal to the last bit: the same operations in the same order, on numbers that are stored exactly.

    Retention takes two rides at a time away, the oldest first, and seldom all.
    """
    clock, database = FakeClock(), open_database(MEMORY)
    database.migrate()
    try:
        for rides, wait, retentions in days:
            with database.writing() as tx:
                for device, parts in rides:
                    ride = make_ride([part_of(part, clock) for part in parts], device_id=device)
                    submit_ride(tx, ride, SETTINGS, clock.now())
                before = learned(tx, clock.now())
                count = len(before.cells)
                tx.execute(delete(tx.schema.cells))
                done = rebuild(tx, SETTINGS)
                assert learned(tx, clock.now()) == before
                assert (done.cells, done.changed, done.removed) == (count, count, 0)
                assert done == replace(rebuild(tx, SETTINGS), changed=count)
                clock.advance(timedelta(days=wait))
                for _ in range(retentions):
                    retention_step(tx, SETTINGS, clock.now(), most=2)
    finally:
        database.close()
