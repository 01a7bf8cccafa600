"""When the trips of a timetable reach their stops, by what riders have taught.

Nobody sees the buses: a trip is taken to leave its first stop on time, and each way between two stops to take as long
as the learner says for that time of day. So this is the delay that buses usually have by then, not that of one bus.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from backend.core.bins import SECONDS_PER_QUARTER, TimeBin, bin_of
from backend.core.learning import Cell, LearningRules
from backend.core.predicting import LEAST_SECONDS, Prior, predict
from backend.core.rides import Segment
from backend.core.schedule import day_begins
from backend.core.settings import Settings
from backend.core.timetable import Call

LATEST = timedelta(hours=1)
"""How late a bus may be predicted to be; further along its way nothing is said."""


@dataclass(frozen=True, slots=True)
class TripRun:
    """A trip on one of the days on which it runs."""

    trip_id: str
    route_id: str
    service_day: date
    calls: tuple[Call, ...]

    @property
    def segments(self) -> tuple[Segment | None, ...]:
        """The way to each call but the first; None where the bus is there already."""
        stops = pairwise(call.stop_id for call in self.calls)
        return tuple(None if one == other else Segment(one, other) for one, other in stops)


@dataclass(frozen=True, slots=True)
class PredictedCall:
    """A call of a trip, and how late the bus is when it arrives and leaves."""

    call: Call
    delay: int
    """Seconds after the timetable's time; negative for a bus that is early."""
    uncertainty: int | None
    """The standard deviation of that (s); None for the first call, of which nothing is known but its time."""


def following_calls(
    run: TripRun, cells: Mapping[tuple[Segment, TimeBin], Cell], settings: Settings, now: datetime
) -> tuple[PredictedCall, ...]:
    """Return the calls from which a bus has not left by `now`, as far as they can be predicted."""
    begins = day_begins(run.service_day, settings.zone)
    since = (now - begins).total_seconds()
    return tuple(
        each
        for each in _calls(run, cells, settings, now)
        if each.call.departure + each.delay >= since
    )


def _calls(
    run: TripRun, cells: Mapping[tuple[Segment, TimeBin], Cell], settings: Settings, now: datetime
) -> Iterator[PredictedCall]:
    """Predict every call of a trip.

    The prior of each way (`backend.core.predicting`) is this trip's own timetable, and not the mean of all
    departures in the time bin: where nothing was learned a bus stays as late as it is. It stops as long as planned.
    Ways are taken to be independent of each other, so that their variances add up.
    """
    rules = LearningRules.from_settings(settings)
    begins = day_begins(run.service_day, settings.zone)
    delay = variance = 0.0
    yield PredictedCall(run.calls[0], 0, None)
    for segment, (here, there) in zip(run.segments, pairwise(run.calls), strict=True):
        if segment is not None:
            leaving_at = begins + timedelta(seconds=here.departure + delay)
            time_bin = bin_of(leaving_at, settings.zone, settings.holidays)
            prior = Prior(max(there.arrival - here.departure, LEAST_SECONDS))
            estimate = predict(cells.get((segment, time_bin), Cell()), prior, now, rules)
            delay += estimate.mean - prior.mean_seconds
            variance += estimate.scale**2 * estimate.dof / (estimate.dof - 2)
        if delay > LATEST.total_seconds():
            return
        yield PredictedCall(there, round(delay), round(math.sqrt(variance)))


def bins_between(first: datetime, last: datetime, settings: Settings) -> frozenset[TimeBin]:
    """Return the time bins of all moments from one to another."""
    start = first.timestamp() // SECONDS_PER_QUARTER * SECONDS_PER_QUARTER
    count = math.floor((last.timestamp() - start) / SECONDS_PER_QUARTER) + 1
    moments = (start + number * SECONDS_PER_QUARTER for number in range(count))
    return frozenset(
        bin_of(datetime.fromtimestamp(moment, UTC), settings.zone, settings.holidays)
        for moment in moments
    )
