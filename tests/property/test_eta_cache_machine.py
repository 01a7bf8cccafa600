"""Whatever happens in between, an answer from the cache is the answer that the database alone gives."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, rule

from backend.core.bins import DayKind, TimeBin
from backend.core.errors import NoEstimateError
from backend.core.journeys import Eta
from backend.core.rides import Segment
from backend.core.settings import MEMORY
from backend.core.storage import open_database
from backend.core.store import EtaCache, Question, eta, remembered_eta, save_feed
from tests.factories import START, make_feed, make_ride, make_ride_segment, make_settings
from tests.property.machines import capped
from tests.rides import submit_ride

STOPS = st.sampled_from("ABCD")
BINS = tuple(TimeBin(DayKind.WEEKDAY, quarter) for quarter in (36, 40))
Answer = TypeVar("Answer")
WAYS = (("A", "B", "C"), ("A", "C"), ("B", "C", "D"))


class EtaCacheMachine(RuleBasedStateMachine):
    """Riders, operators and passengers of one database, and two services that remember what they read."""

    def __init__(self) -> None:
        super().__init__()
        self.database = open_database(MEMORY)
        self.database.migrate()
        self.settings = make_settings()
        self.now = START
        self.revision = 0  # as a database would tell it
        # One of them holds next to nothing, so that it forgets all the time.
        self.caches = (EtaCache(), EtaCache(most_stops=6, most_rows=1))

    def teardown(self) -> None:
        """Close the database of this example."""
        self.database.close()

    @rule(from_stop=STOPS, to_stop=STOPS, seconds=st.sampled_from([100, 300]), kept=st.booleans())
    def ride(self, from_stop: str, to_stop: str, seconds: float, kept: bool) -> None:  # noqa: FBT001
        """Ride over a segment; sometimes the transaction comes to nothing."""
        if from_stop == to_stop:
            return
        part = make_ride_segment(Segment(from_stop, to_stop), seconds=seconds, started_at=self.now)
        with suppress(InterruptedError), self.database.writing() as tx:
            submit_ride(tx, make_ride([part]), self.settings, self.now)
            if not kept:
                raise InterruptedError
            self.revision += 1

    @rule(way=st.sampled_from(WAYS), seconds=st.sampled_from([200, 400]))
    def swap(self, way: tuple[str, ...], seconds: float) -> None:
        """Put another feed in the place of the present one."""
        with self.database.writing() as tx:
            save_feed(tx, make_feed(way, seconds=seconds, bins=BINS), self.now)
            self.revision += 1

    @rule(hours=st.sampled_from([1, 24]))
    def wait(self, hours: int) -> None:
        """Let what was learned fade."""
        self.now += timedelta(hours=hours)

    @rule(from_stop=STOPS, to_stop=STOPS)
    def ask(self, from_stop: str, to_stop: str) -> None:
        """Ask memory alone, and then twice, so that the second answer comes from memory, and compare."""
        asked = Question(from_stop, to_stop, self.now, self.settings, self.now)
        with self.database.reading() as tx:
            fresh = answer(lambda: eta(tx, *asked))
            for cache in self.caches:
                for _ in range(2):
                    assert self.recall(cache, asked) in {fresh, "has to ask"}
                    assert answer(lambda: eta(tx, *asked, cache, self.revision)) == fresh  # noqa: B023 - called at once

    def recall(self, cache: EtaCache, asked: Question) -> Eta | str:
        """Return what the cache says by itself, as long as it says anything."""
        return answer(lambda: remembered_eta(cache, self.revision, asked) or "has to ask")


def answer(ask: Callable[[], Answer]) -> Answer | str:
    """Return an estimate, or that there is none."""
    try:
        return ask()
    except NoEstimateError:
        return "nobody knows"


TestEtaCache = EtaCacheMachine.TestCase
# Fewer examples than there are of cheaper steps: a question is asked five times.
TestEtaCache.settings = settings(
    capped(settings()), max_examples=(capped(settings()).max_examples + 1) // 2
)
