"""How well predictions fit what was observed afterwards.

Errors are `observed - predicted` in seconds: positive where the bus was slower than told. They are kept as
sums, so that scores of parts of a day add up to that of the day.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import Enum

from backend.core.bins import DAY_BEGINS


class Source(Enum):
    """What a prediction was made from."""

    LEARNED = "learned"
    """Rides in its time bin, or, without a timetable, at other times of day."""
    TIMETABLE = "timetable"


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a passenger would have been told, just before the ride was learned; seconds."""

    p50: float
    p90: float
    source: Source


@dataclass(frozen=True, slots=True)
class Outcome:
    """A prediction, and what came of it."""

    day: date
    prediction: Prediction
    seconds: float


@dataclass(frozen=True, slots=True)
class Score:
    """The errors of some predictions."""

    count: int = 0
    error_sum: float = 0.0
    absolute_sum: float = 0.0
    square_sum: float = 0.0
    within_p90: int = 0
    """How many buses took no longer than the p90 that was told; nine of ten should."""

    def plus(self, outcome: Outcome) -> "Score":
        """Return the score with one more outcome."""
        error = outcome.seconds - outcome.prediction.p50
        return Score(
            self.count + 1,
            self.error_sum + error,
            self.absolute_sum + abs(error),
            self.square_sum + error**2,
            self.within_p90 + (outcome.seconds <= outcome.prediction.p90),
        )

    @property
    def mean_error(self) -> float:
        """The mean error (s); like the three below it needs a count of at least 1."""
        return self.error_sum / self.count

    @property
    def mean_absolute_error(self) -> float:
        """The mean of the errors without their signs (s)."""
        return self.absolute_sum / self.count

    @property
    def root_mean_square_error(self) -> float:
        """The square root of the mean of the squared errors (s)."""
        return math.sqrt(self.square_sum / self.count)

    @property
    def share_within_p90(self) -> float:
        """The share of buses that took no longer than the p90."""
        return self.within_p90 / self.count


Place = tuple[date, Source]
"""Where an outcome is counted."""


def add_outcomes(scores: Mapping[Place, Score], outcomes: Iterable[Outcome]) -> dict[Place, Score]:
    """Return the scores of the outcomes' days and sources, added to those given."""
    after: dict[Place, Score] = {}
    for outcome in outcomes:
        place = (outcome.day, outcome.prediction.source)
        before = after.get(place) or scores.get(place, Score())
        after[place] = before.plus(outcome)
    return after


def service_day(moment: datetime, zone: tzinfo) -> date:
    """Return the day on whose buses a moment falls: it begins at 04:00, as in `backend.core.bins`."""
    return (moment.astimezone(zone) - DAY_BEGINS).date()
