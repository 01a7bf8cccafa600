"""Days of services, and moments of service days."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import pytest
from hypothesis import given

from backend.core.schedule import Service, day_begins, moment_of

BERLIN = ZoneInfo("Europe/Berlin")
FIRST, LAST = date(2026, 3, 2), date(2026, 3, 15)
"""A Monday, and a Sunday two weeks later."""
WORKDAYS = Service(0b0011111, FIRST, LAST)


@pytest.mark.parametrize(
    ("day", "runs"),
    [
        (date(2026, 3, 1), False),
        (FIRST, True),
        (date(2026, 3, 6), True),
        (date(2026, 3, 7), False),
        (date(2026, 3, 13), True),
        (date(2026, 3, 16), False),
    ],
)
def test_a_service_runs_on_its_weekdays_between_its_days(day: date, runs: bool) -> None:  # noqa: FBT001
    assert WORKDAYS.runs_on(day) is runs


def test_an_exception_comes_before_the_week() -> None:
    saturday, monday = date(2026, 3, 7), date(2026, 3, 9)
    service = Service(0b0011111, FIRST, LAST, frozenset({saturday}), frozenset({monday}))

    assert service.runs_on(saturday)
    assert not service.runs_on(monday)


def test_a_service_of_exceptions_alone() -> None:
    service = Service(added=frozenset({FIRST}))

    assert [service.runs_on(FIRST), service.runs_on(LAST)] == [True, False]
    assert list(service.days(timedelta(days=9))) == [FIRST]


@given(
    weekdays=st.integers(0, 127),
    added=st.frozensets(st.dates(FIRST - timedelta(days=3), LAST), max_size=4),
    removed=st.frozensets(st.dates(FIRST, LAST), max_size=4),
)
def test_the_days_are_those_on_which_it_runs(
    weekdays: int, added: frozenset[date], removed: frozenset[date]
) -> None:
    service = Service(weekdays, FIRST, LAST, added, removed - added)
    nearby = [FIRST + timedelta(days=n) for n in range(-10, 30)]

    running = [day for day in nearby if service.runs_on(day)]
    assert sorted(service.days(timedelta(days=99))) == running
    assert service.ends() == max(running, default=None)


def test_a_service_for_ever_ends_on_the_last_of_all_days() -> None:
    assert Service(0b1111111, FIRST, date.max).ends() == date.max


def test_only_the_first_days_of_the_week_are_listed() -> None:
    assert list(WORKDAYS.days(timedelta(days=1))) == [FIRST, FIRST + timedelta(days=1)]


@pytest.mark.parametrize(
    ("day", "begins"),
    [
        (date(2026, 3, 28), datetime(2026, 3, 27, 23, tzinfo=UTC)),
        (date(2026, 3, 29), datetime(2026, 3, 28, 22, tzinfo=UTC)),  # an hour before midnight
        (date(2026, 10, 25), datetime(2026, 10, 24, 23, tzinfo=UTC)),  # an hour after it
    ],
)
def test_a_service_day_counts_from_noon_minus_12_hours(day: date, begins: datetime) -> None:
    assert day_begins(day, BERLIN) == begins


def test_a_time_past_24_is_a_moment_of_the_next_day() -> None:
    assert moment_of(FIRST, 25 * 3600 + 600, BERLIN).isoformat() == "2026-03-03T01:10:00+01:00"
