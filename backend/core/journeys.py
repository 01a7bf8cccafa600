"""How long a trip takes: along each way that buses go, segment by segment, each in its time bin."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from backend.core.bins import TimeBin, bin_of
from backend.core.learning import Cell, LearningRules
from backend.core.predicting import Estimate, Prior, combine, predict
from backend.core.provenance import (
    Evidence,
    evidence_from,
    evidence_of_trip,
    expected_mean,
    speaking,
)
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.timetable import TimetableEntry

OUTLOOKS = 16
"""How many outlooks of a segment are kept: people ask about the next hours."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an estimate in one time bin goes by, whenever it is made: all but the fading."""

    prior: Prior
    own: Cell
    speaking: tuple[Cell, ...]
    """Those that are evidence (see `backend.core.provenance.speaking`)."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All that is known about one segment, at any time of day."""

    timetable: tuple[TimetableEntry, ...] = ()
    cells: tuple[tuple[TimeBin, Cell], ...] = ()
    _outlooks: dict[tuple[TimeBin, LearningRules], Outlook] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def outlook(self, time_bin: TimeBin, rules: LearningRules) -> Outlook | None:
        """Return what an estimate goes by; None when nothing at all is known.

        That takes a look at all rows, so it is done once: it follows from them, and they never change.
        """
        key = time_bin, rules
        # One look alone: another thread may make room between two.
        kept = self._outlooks.get(key)
        if kept is not None:
            return kept
        prior = prior_of(self, time_bin, rules)
        if prior is None:
            return None
        used = speaking(self.cells, time_bin, rules, timetable=bool(self.timetable))
        found = Outlook(prior, dict(self.cells).get(time_bin, Cell()), used)
        if len(self._outlooks) >= OUTLOOKS:
            self._outlooks.clear()
        self._outlooks[key] = found
        return found


@dataclass(frozen=True, slots=True)
class Leg:
    """One segment of a trip, at the time of getting there."""

    segment: Segment
    bin: TimeBin
    leaving_at: datetime
    estimate: Estimate
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Eta:
    """How long the fastest known way takes, and its legs."""

    from_stop: str
    to_stop: str
    leaving_at: datetime
    estimate: Estimate
    evidence: Evidence
    legs: tuple[Leg, ...]


def fastest(
    ways: Iterable[tuple[str, ...]],
    known: Mapping[Segment, Knowledge],
    leaving_at: datetime,
    settings: Settings,
    now: datetime,
) -> Eta | None:
    """Return the way with the least mean duration; None when each has a segment nobody knows.

    A way is the stops from the first to the last. Waiting at stops is part of no estimate.
    """
    etas = (travel(way, known, leaving_at, settings, now) for way in ways)
    return min(
        (eta for eta in etas if eta is not None), key=lambda eta: eta.estimate.mean, default=None
    )


def travel(
    way: tuple[str, ...],
    known: Mapping[Segment, Knowledge],
    leaving_at: datetime,
    settings: Settings,
    now: datetime,
) -> Eta | None:
    """Return the estimate along one way; None when nothing is known about one of its segments.

    Each segment is looked up in the time bin in which the bus gets there, on the average.
    """
    rules, zone = LearningRules.from_settings(settings), settings.zone
    legs: list[Leg] = []
    moment = leaving_at
    for segment in segments_of(way):
        time_bin = bin_of(moment, zone, settings.holidays)
        outlook = known[segment].outlook(time_bin, rules) if segment in known else None
        if outlook is None:
            return None
        estimate = predict(outlook.own, outlook.prior, now, rules)
        evidence = evidence_from(outlook.speaking, rules, now)
        legs.append(Leg(segment, time_bin, moment, estimate, evidence))
        moment += timedelta(seconds=estimate.mean)
    total = combine([leg.estimate for leg in legs])
    evidence = evidence_of_trip([(leg.evidence, leg.estimate.mean) for leg in legs])
    return Eta(way[0], way[-1], leaving_at, total, evidence, tuple(legs))


def segments_of(way: tuple[str, ...]) -> tuple[Segment, ...]:
    """Return the segments between consecutive stops."""
    return tuple(Segment(*stops) for stops in pairwise(way))


def estimate_segment(
    known: Knowledge, time_bin: TimeBin, rules: LearningRules, now: datetime
) -> Estimate | None:
    """Return how long a segment takes in a time bin; None when nothing at all is known about it."""
    outlook = known.outlook(time_bin, rules)
    return None if outlook is None else predict(outlook.own, outlook.prior, now, rules)


def prior_of(known: Knowledge, time_bin: TimeBin, rules: LearningRules) -> Prior | None:
    """Return what to expect of a segment before looking at what was learned in the bin.

    The first that exists of: the timetable in this bin; the timetable's mean over all departures of
    the day; what was learned in other bins, those around this one above all. What was learned in
    this one then counts twice, but only as much as `n0` observations would.
    """
    for entry in known.timetable:
        if entry.bin == time_bin:
            return Prior(entry.mean_seconds)
    departures = sum(entry.departures for entry in known.timetable)
    if departures:
        total = sum(entry.mean_seconds * entry.departures for entry in known.timetable)
        return Prior(total / departures)
    mean = expected_mean(known.cells, time_bin, rules)
    return None if mean is None else Prior(mean)
