"""How long a trip takes: along each way that buses go, segment by segment, each in its time bin."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from backend.core.bins import TimeBin, bin_of
from backend.core.learning import Cell, LearningRules
from backend.core.predicting import Estimate, Prior, combine, predict
from backend.core.provenance import Evidence, evidence_of, evidence_of_trip, expected_mean
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.timetable import TimetableEntry


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All that is known about one segment, at any time of day."""

    timetable: tuple[TimetableEntry, ...] = ()
    cells: tuple[tuple[TimeBin, Cell], ...] = ()


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
    rules = LearningRules.from_settings(settings)
    legs: tuple[Leg, ...] = ()
    moment = leaving_at
    for segment in segments_of(way):
        time_bin = bin_of(moment, settings.zone, settings.holidays)
        about = known.get(segment, Knowledge())
        estimate = estimate_segment(about, time_bin, rules, now)
        if estimate is None:
            return None
        timetable = bool(about.timetable)
        evidence = evidence_of(about.cells, time_bin, rules, now, timetable=timetable)
        legs = (*legs, Leg(segment, time_bin, moment, estimate, evidence))
        moment += timedelta(seconds=estimate.mean)
    total = combine([leg.estimate for leg in legs])
    evidence = evidence_of_trip([(leg.evidence, leg.estimate.mean) for leg in legs])
    return Eta(way[0], way[-1], leaving_at, total, evidence, legs)


def segments_of(way: tuple[str, ...]) -> tuple[Segment, ...]:
    """Return the segments between consecutive stops."""
    return tuple(Segment(*stops) for stops in pairwise(way))


def estimate_segment(
    known: Knowledge, time_bin: TimeBin, rules: LearningRules, now: datetime
) -> Estimate | None:
    """Return how long a segment takes in a time bin; None when nothing at all is known about it."""
    prior = prior_of(known, time_bin, rules)
    if prior is None:
        return None
    return predict(dict(known.cells).get(time_bin, Cell()), prior, now, rules)


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
