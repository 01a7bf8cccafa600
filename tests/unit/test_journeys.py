"""How long a trip takes along a way, from what is known about its segments."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from backend.core.bins import DayKind, TimeBin
from backend.core.journeys import (
    Knowledge,
    estimate_segment,
    fastest,
    prior_of,
    segments_of,
    travel,
)
from backend.core.learning import Cell, LearningRules
from backend.core.predicting import Prior, combine, predict
from backend.core.rides import Segment
from backend.core.timetable import TimetableEntry
from tests.factories import START, make_cell, make_segment, make_settings, make_stops

SETTINGS = make_settings()
RULES = LearningRules.from_settings(SETTINGS)
NINE, TEN = TimeBin(DayKind.WEEKDAY, 36), TimeBin(DayKind.WEEKDAY, 40)


def promised(segment: Segment, *entries: tuple[TimeBin, float, int]) -> tuple[TimetableEntry, ...]:
    return tuple(TimetableEntry(segment, *entry) for entry in entries)


@dataclass(frozen=True)
class Interrupted(TimeBin):
    """A bin whose second look-up, and each after it, comes when another thread has just made room."""

    known: Knowledge = field(compare=False)
    looked: list[None] = field(default_factory=list, compare=False)

    def __hash__(self) -> int:
        if self.looked:
            self.known._outlooks.clear()  # what the other thread does
        self.looked.append(None)
        return hash((self.day, self.quarter))


def test_an_outlook_that_another_thread_forgets_meanwhile_is_found_all_the_same() -> None:
    """Threads share what is known of a segment; a look and a second look may find different things."""
    known = Knowledge(timetable=promised(make_segment(), (NINE, 300, 1)))
    first = known.outlook(Interrupted(NINE.day, NINE.quarter, known), RULES)
    assert first is not None
    assert known.outlook(Interrupted(NINE.day, NINE.quarter, known), RULES) == first


def test_the_timetable_of_the_bin_is_the_prior() -> None:
    known = Knowledge(timetable=promised(make_segment(), (NINE, 300, 1), (TEN, 200, 9)))
    assert prior_of(known, NINE, RULES) == Prior(300)


def test_a_bin_without_departures_expects_the_mean_of_all_departures() -> None:
    known = Knowledge(timetable=promised(make_segment(), (NINE, 300, 1), (TEN, 200, 3)))
    midnight = TimeBin(DayKind.WEEKEND, 0)
    assert prior_of(known, midnight, RULES) == Prior(225)


def test_without_a_timetable_what_was_learned_in_all_bins_is_expected() -> None:
    known = Knowledge(
        cells=((NINE, make_cell(3, 400)), (TEN, make_cell(1, 200))),
    )
    prior = prior_of(known, NINE, RULES)
    assert prior is not None
    assert prior.mean_seconds == pytest.approx(350)


def test_old_lessons_count_less_in_that_mean() -> None:
    """Three observations half a life ago weigh 1.5 today."""
    long_ago = START - RULES.half_life
    known = Knowledge(cells=((NINE, make_cell(3, 400, as_of=long_ago)), (TEN, make_cell(1, 200))))
    prior = prior_of(known, NINE, RULES)
    assert prior is not None
    assert prior.mean_seconds == pytest.approx((1.5 * 400 + 200) / 2.5)


def test_cells_that_have_faded_to_nothing_are_still_expected() -> None:
    """1,090 half-lives later both weigh 0 as a float; what they said of each other remains."""
    rules = LearningRules.from_settings(make_settings(half_life_days=1))
    known = Knowledge(cells=((NINE, make_cell(3, 400)), (TEN, make_cell(1, 200))))
    estimate = estimate_segment(known, NINE, rules, START + timedelta(days=1090))
    assert estimate is not None
    assert (estimate.mean, estimate.observations) == pytest.approx((350, 0))


def test_of_a_segment_nobody_knows_there_is_no_estimate() -> None:
    assert estimate_segment(Knowledge(), NINE, RULES, START) is None


def test_a_segment_is_estimated_from_its_bin_and_its_prior() -> None:
    cell = make_cell(10, 350, spread_sum=900)
    known = Knowledge(promised(make_segment(), (NINE, 300, 1)), ((NINE, cell),))
    assert estimate_segment(known, NINE, RULES, START) == predict(cell, Prior(300), START, RULES)


def test_what_is_worked_out_once_is_right_in_every_bin_however_often_it_is_asked() -> None:
    """Only a few outlooks of a segment are kept, fewer than a day has bins."""
    bins = [TimeBin(DayKind.WEEKDAY, quarter) for quarter in range(96)]
    entries = promised(make_segment(), *((each, 100.0 + each.quarter, 1) for each in bins))
    known = Knowledge(entries, ((NINE, Cell(10, 350, 900, START)),))

    for each in (*bins, *bins, NINE, NINE):
        fresh = Knowledge(known.timetable, known.cells)
        assert known.outlook(each, RULES) == fresh.outlook(each, RULES)
        assert prior_of(known, each, RULES) == Prior(100.0 + each.quarter)


def test_other_rules_lead_to_another_outlook() -> None:
    evening = TimeBin(DayKind.WEEKDAY, 70)
    seconds = {NINE: 400, TEN: 300, evening: 100}
    known = Knowledge(
        cells=tuple((when, Cell(3, mean, 0, START)) for when, mean in seconds.items())
    )
    rules = LearningRules.from_settings(make_settings(n0=1))

    assert known.outlook(NINE, RULES) != known.outlook(NINE, rules)
    assert known.outlook(NINE, rules) == Knowledge(cells=known.cells).outlook(NINE, rules)


def test_each_segment_is_looked_up_when_the_bus_gets_there() -> None:
    """The first segment takes an hour, so the second one starts at ten, when it is slow."""
    way = make_stops(3)
    first, second = segments_of(way)
    known = {
        first: Knowledge(promised(first, (NINE, 3600, 1))),
        second: Knowledge(promised(second, (NINE, 100, 1), (TEN, 700, 1))),
    }
    eta = travel(way, known, START, SETTINGS, START)
    assert eta is not None
    assert [leg.bin for leg in eta.legs] == [NINE, TEN]
    assert [leg.leaving_at for leg in eta.legs] == [START, START + timedelta(hours=1)]
    assert eta.estimate == combine([leg.estimate for leg in eta.legs])
    assert eta.estimate.mean == pytest.approx(4300)


def test_a_way_with_one_unknown_segment_has_no_estimate() -> None:
    way = make_stops(3)
    first, _ = segments_of(way)
    known = {first: Knowledge(promised(first, (NINE, 100, 1)))}
    assert travel(way, known, START, SETTINGS, START) is None


def test_the_fastest_known_way_is_taken() -> None:
    start, end, via = make_stops(3)
    direct, (one, two) = Segment(start, end), segments_of((start, via, end))
    known = {
        direct: Knowledge(promised(direct, (NINE, 500, 1))),
        one: Knowledge(promised(one, (NINE, 200, 1))),
        two: Knowledge(promised(two, (NINE, 200, 1))),
    }
    eta = fastest([(start, end), (start, via, end)], known, START, SETTINGS, START)
    assert eta is not None
    assert [leg.segment for leg in eta.legs] == [one, two]
    assert (eta.from_stop, eta.to_stop, eta.leaving_at) == (start, end, START)


def test_an_unknown_way_does_not_hide_a_known_one() -> None:
    start, end, via = make_stops(3)
    direct = Segment(start, end)
    known = {direct: Knowledge(promised(direct, (NINE, 500, 1)))}
    eta = fastest([(start, via, end), (start, end)], known, START, SETTINGS, START)
    assert eta is not None
    assert len(eta.legs) == 1


def test_without_any_known_way_there_is_no_answer() -> None:
    assert fastest([make_stops(2)], {}, START, SETTINGS, START) is None
