"""What an estimate goes by, and how much riders vouch for it."""

from datetime import timedelta

import pytest

from backend.core.bins import DayKind, TimeBin
from backend.core.learning import Cell, LearningRules
from backend.core.provenance import (
    Cells,
    Evidence,
    Provenance,
    evidence_from,
    evidence_of_trip,
    expected_mean,
    nearby,
    speaking,
)
from tests.factories import START, make_settings

RULES = LearningRules.from_settings(make_settings(n0=20, half_life_days=30))


def weekday(quarter: int) -> TimeBin:
    return TimeBin(DayKind.WEEKDAY, quarter)


def cell(observations: float, mean: float = 300, age: timedelta = timedelta()) -> Cell:
    return Cell(observations, mean, 0, START - age)


NINE = weekday(36)


def evidence_at_nine(cells: Cells, *, timetable: bool) -> Evidence:
    """Return what stands behind an estimate for nine o'clock."""
    return evidence_from(speaking(cells, NINE, RULES, timetable=timetable), RULES, START)


def test_what_was_learned_in_the_bin_comes_first() -> None:
    cells = ((NINE, cell(5, age=timedelta(minutes=10))), (weekday(37), cell(80)))

    found = evidence_at_nine(cells, timetable=True)

    assert found.provenance is Provenance.LEARNED
    assert found.confidence == pytest.approx(5 / 25, rel=1e-3)
    assert found.age == timedelta(minutes=10)


def test_a_timetable_comes_before_other_times_of_day() -> None:
    cells = ((weekday(37), cell(80)),)

    found = evidence_at_nine(cells, timetable=True)

    assert found == Evidence(Provenance.TIMETABLE, 0.0, None)


def test_without_a_timetable_the_part_of_the_day_speaks() -> None:
    cells = ((weekday(40), cell(20, age=timedelta(hours=1))), (weekday(80), cell(20)))

    found = evidence_at_nine(cells, timetable=False)

    assert (found.provenance, found.age) == (Provenance.DAY_PART, timedelta(hours=1))
    assert found.confidence == pytest.approx(1 / 4, rel=1e-3)


def test_and_otherwise_any_time_of_the_segment() -> None:
    cells = ((weekday(41), cell(20)), (TimeBin(DayKind.WEEKEND, 36), cell(40)))

    found = evidence_at_nine(cells, timetable=False)

    assert found == Evidence(Provenance.SEGMENT, 60 / 80 / 4, timedelta())


def test_many_observations_nearby_outweigh_a_single_one_in_the_bin() -> None:
    cells = ((NINE, cell(1)), (weekday(37), cell(999)))

    found = evidence_at_nine(cells, timetable=False)

    assert found.provenance is Provenance.LEARNED
    assert found.confidence == pytest.approx(1000 / 1020 / 2)


def test_confidence_fades_with_half_lives() -> None:
    cells = ((NINE, cell(40, age=RULES.half_life)),)

    found = evidence_at_nine(cells, timetable=True)

    assert found.confidence == pytest.approx(20 / 40)


def test_an_observation_of_a_clock_ahead_of_ours_has_no_age() -> None:
    cells = ((NINE, cell(1, age=-timedelta(minutes=3))),)

    assert evidence_at_nine(cells, timetable=True).age == timedelta()


def test_a_cell_that_has_learned_nothing_is_no_evidence() -> None:
    cells = ((NINE, Cell(streak_side=1, streak_devices=("one",))),)

    found = evidence_at_nine(cells, timetable=True)

    assert found.provenance is Provenance.TIMETABLE


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        (36, 40, True),
        (36, 41, False),
        (36, 32, True),
        (95, 1, True),  # either side of midnight is one night
        (15, 16, False),  # either side of 04:00 is two days
    ],
)
def test_a_part_of_a_day_is_an_hour_on_either_side(one: int, other: int, near: bool) -> None:  # noqa: FBT001
    found = nearby(((weekday(one), cell(1)), (weekday(other), cell(1))), weekday(one))

    assert len(found) == (2 if near else 0)


def test_the_part_of_the_day_moves_what_is_expected() -> None:
    """20 observations nearby move the mean of all half way, as they move any prior."""
    cells = ((weekday(38), cell(20, mean=400)), (weekday(80), cell(60, mean=200)))

    assert expected_mean(cells, NINE, RULES) == pytest.approx((400 + 250) / 2)
    assert expected_mean(cells[1:], NINE, RULES) == pytest.approx(200)
    assert expected_mean((), NINE, RULES) is None


def test_a_trip_goes_by_the_least_direct_of_its_segments() -> None:
    learned = Evidence(Provenance.LEARNED, 0.8, timedelta(hours=2))
    pooled = Evidence(Provenance.SEGMENT, 0.2, timedelta(hours=1))

    found = evidence_of_trip([(learned, 300.0), (pooled, 100.0)])

    assert found.provenance is Provenance.SEGMENT
    assert found.confidence == pytest.approx((0.8 * 300 + 0.2 * 100) / 400)
    assert found.age == timedelta(hours=1)
    silent = Evidence(Provenance.TIMETABLE, 0.0, None)
    assert evidence_of_trip([(silent, 60.0)]) == silent
