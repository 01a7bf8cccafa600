"""Feeds that come, break and are cut off, as a state machine: readers see one whole feed, learning stays."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import func, select

from backend.core.errors import FeedError, NoEstimateError
from backend.core.rides import Segment
from backend.core.settings import MEMORY
from backend.core.storage import open_database
from backend.core.store import eta
from backend.tools.import_feed import import_feed
from tests.factories import START, make_ride, make_ride_segment, make_settings
from tests.feeds import DyingDatabase, PowerCutError, feed_tables, stop_times, write_tables
from tests.property.machines import capped
from tests.rides import submit_ride

# Each by the stops of its only route, and the minutes between them: some segments are in several.
FEEDS = ((("A", "B"), 3), (("A", "B", "C"), 5), (("C", "D"), 7))
NUMBERS = st.integers(0, len(FEEDS) - 1)
SEGMENTS = (Segment("A", "B"), Segment("B", "C"), Segment("C", "D"))


class FeedMachine(RuleBasedStateMachine):
    """Operators who import feeds, good ones and broken ones, riders meanwhile, and a machine that loses power."""

    def __init__(self) -> None:
        super().__init__()
        self.database = open_database(MEMORY)
        self.database.migrate()
        self.settings = make_settings()
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "feed.zip"
        # The model: which feed is current, and how many rides each segment has seen.
        self.current: int | None = None
        self.rides = dict.fromkeys(SEGMENTS, 0)
        self.promised: set[Segment] = set()
        """Segments that were in any feed so far."""

    def teardown(self) -> None:
        """Close what this example has opened."""
        self.database.close()
        self.folder.cleanup()

    @rule(number=NUMBERS)
    def load(self, number: int) -> None:
        """Import a feed: it is current at once, and leaves nothing of the others."""
        self.write(number)
        report = import_feed(self.database, self.path, frozenset(), START)
        assert report.changed == (self.current != number)
        self.current = number
        self.promised |= set(self.segments_of(number))

    @rule(number=NUMBERS)
    def load_a_broken_one(self, number: int) -> None:
        """Import a feed whose last row is wrong: it is refused."""
        self.write(number, {**stop_times("T0,08:00:00,08:00:00,A,1", "T9,08:00:00,08:00:00,A,1")})
        with pytest.raises(FeedError, match=r"line 3, column trip_id"):
            import_feed(self.database, self.path, frozenset(), START)

    @rule(number=NUMBERS, lives=st.integers(0, 5))
    def lose_power(self, number: int, lives: int) -> None:
        """Cut an import off, sometimes while it takes away what an earlier one left; it was not current yet."""
        if number == self.current:
            return
        self.write(number)
        with pytest.raises(PowerCutError):
            import_feed(DyingDatabase.of(self.database, lives), self.path, frozenset(), START)

    @rule(segment=st.sampled_from(SEGMENTS))
    def ride(self, segment: Segment) -> None:
        """Ride over a segment, which need not be in any feed."""
        with self.database.writing() as tx:
            submit_ride(tx, make_ride([make_ride_segment(segment)]), self.settings, START)
        self.rides[segment] += 1

    @invariant()
    def each_segment_is_answered_as_the_current_feed_says(self) -> None:
        """See for each segment what the model says: the timetable, the riders, both, or nothing."""
        now = () if self.current is None else self.segments_of(self.current)
        for segment in SEGMENTS:
            count = self.rides[segment]
            retired = segment in self.promised and segment not in now
            if retired or (segment not in now and not count):
                with pytest.raises(NoEstimateError):
                    self.ask(segment)
                continue
            mean, observations = self.ask(segment)
            assert observations == pytest.approx(count)
            promised = (
                60 * FEEDS[self.current][1] if segment in now and self.current is not None else 300
            )
            assert mean == pytest.approx((20 * promised + count * 300) / (20 + count))

    @invariant()
    def at_most_one_feed_can_be_read(self) -> None:
        """Count the current feeds."""
        with self.database.reading() as tx:
            feeds = tx.schema.feeds
            query = select(func.count()).where(feeds.c.state == "current")
            assert tx.execute(query).scalar_one() == (self.current is not None)

    def ask(self, segment: Segment) -> tuple[float, float]:
        """Return the mean and the observations of a segment."""
        with self.database.reading() as tx:
            found = eta(tx, segment.from_stop, segment.to_stop, START, self.settings, START)
        return found.estimate.mean, found.estimate.observations

    def write(self, number: int, changes: dict[str, str] | None = None) -> None:
        """Write a feed's zip."""
        stops, minutes = FEEDS[number]
        write_tables(self.path, feed_tables(*stops, minutes=minutes) | (changes or {}))

    @staticmethod
    def segments_of(number: int) -> tuple[Segment, ...]:
        """Return the segments of a feed."""
        stops = FEEDS[number][0]
        return tuple(Segment(*ends) for ends in pairwise(stops))


TestFeeds = FeedMachine.TestCase
# Half as many examples as there are of cheaper steps: each import is several transactions.
TestFeeds.settings = settings(
    capped(settings()),
    max_examples=(capped(settings()).max_examples + 1) // 2,
    stateful_step_count=8,
)
