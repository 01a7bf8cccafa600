"""Which bin a moment, and which bin a timetable's time, belongs to."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from backend.core.bins import (
    QUARTERS,
    DayKind,
    TimeBin,
    bin_of,
    bin_of_service_time,
    day_kind,
    service_bin,
)

KOLKATA = ZoneInfo("Asia/Kolkata")
BERLIN = ZoneInfo("Europe/Berlin")
NO_HOLIDAYS: frozenset[date] = frozenset()
WEDNESDAY, FRIDAY, SATURDAY = date(2026, 3, 4), date(2026, 3, 6), date(2026, 3, 7)
HOUR = 3600


@pytest.mark.parametrize(
    ("hour", "minute", "quarter"),
    [(0, 0, 0), (0, 14, 0), (0, 15, 1), (9, 0, 36), (23, 44, 94), (23, 45, 95), (23, 59, 95)],
)
def test_a_quarter_begins_every_fifteen_minutes(hour: int, minute: int, quarter: int) -> None:
    moment = datetime(2026, 3, 4, hour, minute, 59, tzinfo=KOLKATA)
    assert TimeBin(DayKind.WEEKDAY, quarter) == bin_of(moment, KOLKATA, NO_HOLIDAYS)


def test_day_and_quarter_are_those_of_the_services_zone() -> None:
    """Friday 20:00 in UTC is Saturday 01:30 in Kolkata."""
    moment = datetime(2026, 3, 6, 20, 0, tzinfo=UTC)
    assert TimeBin(DayKind.WEEKEND, 6) == bin_of(moment, KOLKATA, NO_HOLIDAYS)


def test_a_moment_without_a_zone_has_no_bin() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        bin_of(datetime(2026, 3, 4, 9, 0), KOLKATA, NO_HOLIDAYS)  # noqa: DTZ001 - the very mistake


def test_monday_to_friday_are_weekdays_and_the_rest_is_weekend() -> None:
    kinds = [day_kind(date(2026, 3, day), NO_HOLIDAYS) for day in range(2, 9)]
    assert kinds == [DayKind.WEEKDAY] * 5 + [DayKind.WEEKEND] * 2


def test_a_holiday_runs_like_a_weekend() -> None:
    assert day_kind(WEDNESDAY, frozenset({WEDNESDAY})) is DayKind.WEEKEND


def test_a_holiday_is_a_day_in_the_services_zone() -> None:
    """22:00 UTC of the day before is already the holiday in Kolkata."""
    moment = datetime(2026, 3, 3, 22, 0, tzinfo=UTC)
    assert bin_of(moment, KOLKATA, frozenset({WEDNESDAY})).day is DayKind.WEEKEND


@pytest.mark.parametrize(
    ("service_day", "kind"), [(FRIDAY, DayKind.WEEKDAY), (SATURDAY, DayKind.WEEKEND)]
)
def test_a_time_past_24_00_belongs_to_the_day_before(service_day: date, kind: DayKind) -> None:
    """25:10 of Friday's timetable is in the night to Saturday, and still Friday's service."""
    seconds = 25 * HOUR + 600
    assert TimeBin(kind, 4) == bin_of_service_time(service_day, seconds, KOLKATA, NO_HOLIDAYS)
    assert TimeBin(kind, 4) == service_bin(kind, seconds)


def test_a_holidays_late_service_is_the_holidays() -> None:
    holidays = frozenset({WEDNESDAY})
    found = bin_of_service_time(WEDNESDAY, 24 * HOUR, KOLKATA, holidays)
    assert TimeBin(DayKind.WEEKEND, 0) == found


def test_times_before_24_00_are_the_wall_clocks() -> None:
    moment = datetime(2026, 3, 4, 17, 50, tzinfo=KOLKATA)
    seconds = 17 * HOUR + 50 * 60
    assert bin_of(moment, KOLKATA, NO_HOLIDAYS) == bin_of_service_time(
        WEDNESDAY, seconds, KOLKATA, NO_HOLIDAYS
    )


@pytest.mark.parametrize(
    ("service_day", "seconds", "quarter"),
    [
        (date(2026, 3, 29), 12 * HOUR, 48),
        (date(2026, 3, 29), 4 * HOUR, 16),
        (date(2026, 3, 29), 1 * HOUR, 0),
        (date(2026, 10, 25), 12 * HOUR, 48),
        (date(2026, 10, 25), 1 * HOUR, 8),
    ],
)
def test_when_the_clocks_change_times_count_from_noon_minus_twelve_hours(
    service_day: date, seconds: int, quarter: int
) -> None:
    """On 29 March noon minus 12 h is 23:00 of the day before; on 25 October it is 01:00."""
    found = bin_of_service_time(service_day, seconds, BERLIN, NO_HOLIDAYS)
    assert TimeBin(DayKind.WEEKEND, quarter) == found


def test_a_service_day_has_no_time_before_its_start() -> None:
    with pytest.raises(ValueError, match="starts at 0 seconds"):
        service_bin(DayKind.WEEKDAY, -1)
    with pytest.raises(ValueError, match="starts at 0 seconds"):
        bin_of_service_time(WEDNESDAY, -1, KOLKATA, NO_HOLIDAYS)


def test_every_bin_has_its_own_number_and_is_found_by_it() -> None:
    bins = [TimeBin(day, quarter) for day in DayKind for quarter in range(QUARTERS)]
    assert list(range(192)) == [time_bin.index for time_bin in bins]
    assert bins == [TimeBin.from_index(index) for index in range(192)]


@pytest.mark.parametrize("index", [-1, 192])
def test_there_are_no_other_numbers(index: int) -> None:
    with pytest.raises(ValueError, match="numbered 0 to 191"):
        TimeBin.from_index(index)


@pytest.mark.parametrize("quarter", [-1, 96])
def test_a_day_has_96_quarters(quarter: int) -> None:
    with pytest.raises(ValueError, match="quarters 0 to 95"):
        TimeBin(DayKind.WEEKDAY, quarter)
