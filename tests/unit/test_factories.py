"""The makers of test data: each works without being told anything, and makes something new each time."""

from collections.abc import Callable

import pytest

from tests import factories
from tests.factories import (
    START,
    make_admin_key,
    make_answer,
    make_feed,
    make_observation,
    make_pattern,
    make_ride,
    make_ride_segment,
    make_route_line,
    make_segment,
    make_service,
    make_stop_place,
    make_timetable_entry,
    make_trip_plan,
)

NEW_EACH_TIME = (
    make_admin_key,
    make_answer,
    make_feed,
    make_observation,
    make_pattern,
    make_ride,
    make_ride_segment,
    make_route_line,
    make_segment,
    make_stop_place,
    make_timetable_entry,
    make_trip_plan,
)


@pytest.mark.parametrize("make", NEW_EACH_TIME, ids=lambda make: make.__name__)
def test_what_is_made_twice_is_not_the_same(make: Callable[[], object]) -> None:
    """So that no test meets what another one left."""
    assert make() != make()


def test_a_trip_goes_along_its_stops_without_a_wait() -> None:
    trip = make_trip_plan("A", "B", "C", starts=100, seconds=60)

    assert trip.pattern.stops == ("A", "B", "C")
    assert [(call.arrival, call.departure) for call in trip.calls] == [
        (100, 100),
        (160, 160),
        (220, 220),
    ]


def test_a_service_runs_on_the_day_at_which_the_clock_stands() -> None:
    assert make_service().runs_on(START.date())


def test_a_cell_knows_one_observation_unless_told_otherwise() -> None:
    cell = factories.make_cell()

    assert (cell.weight, cell.mean, cell.as_of) == (1, 300, START)
