"""Whatever rides come, and whenever old ones are taken away: learning again leads to the same cells."""

from dataclasses import replace
from datetime import timedelta

import hypothesis.strategies as st
from hypothesis import given, settings
from sqlalchemy import delete

from backend.core.bins import TimeBin
from backend.core.learning import Cell
from backend.core.rides import RideSegment, Segment
from backend.core.settings import MEMORY
from backend.core.storage import Transaction, open_database
from backend.core.store import rebuild, retention_step, submit_ride
from backend.core.store.cells import load_cells
from tests.factories import FakeClock, make_ride, make_ride_segment, make_settings

SEGMENTS = tuple(Segment(name, "end") for name in "ab")
SETTINGS = make_settings(
    ride_retention_days=1,
    observation_window_days=30,
    idempotency_ttl_hours=800,
    half_life_days=2,
    outlier_sigma=1,
)

PARTS = st.tuples(
    st.sampled_from(SEGMENTS),
    st.one_of(st.just(300.0), st.floats(1, 3000)),
    st.sampled_from([0.9, 0.9, 0.9, 0.1]),
    st.sampled_from([0, 1, 2, 30]),
)
RIDES = st.tuples(st.sampled_from("uvwx"), st.lists(PARTS, min_size=1, max_size=6))
DAYS = st.lists(
    st.tuples(st.lists(RIDES, min_size=1, max_size=3), st.integers(0, 2)), min_size=2, max_size=5
)
MOST_EXAMPLES = 200  # each is a database of its own, and a test of a law has one second


def part_of(part: tuple[Segment, float, float, int], clock: FakeClock) -> RideSegment:
    segment, seconds, confidence, minutes = part
    started_at = clock.now() - timedelta(minutes=minutes)
    return make_ride_segment(segment, seconds=seconds, confidence=confidence, started_at=started_at)


def learned(tx: Transaction) -> dict[tuple[int, TimeBin], Cell]:
    return load_cells(tx, None)


@given(DAYS)
@settings(max_examples=min(settings().max_examples // 4, MOST_EXAMPLES))
def test_learning_again_gives_what_was_learned(
    days: list[tuple[list[tuple[str, list[tuple[Segment, float, float, int]]]], int]],
) -> None:
    """Equal to the last bit: the same operations in the same order, on numbers that are stored exactly.

    Retention takes two rides at a time away, those of the day before first, and seldom all.
    """
    clock, database = FakeClock(), open_database(MEMORY)
    database.migrate()
    try:
        for rides, retentions in days:
            with database.writing() as tx:
                for device, parts in rides:
                    ride = make_ride([part_of(part, clock) for part in parts], device_id=device)
                    submit_ride(tx, ride, SETTINGS, clock.now())
                before = learned(tx)
                clock.advance(timedelta(days=1))
                for _ in range(retentions):
                    retention_step(tx, SETTINGS, clock.now(), most=2)
                tx.execute(delete(tx.schema.cells))
                done = rebuild(tx, SETTINGS)
                assert learned(tx) == before
                assert (done.cells, done.changed, done.removed) == (len(before), len(before), 0)
                assert done == replace(rebuild(tx, SETTINGS), changed=len(before))
    finally:
        database.close()
