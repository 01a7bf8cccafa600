"""Which bin a moment, and which bin a timetable's time, belongs to."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from backend.core.bins import (
    QUARTERS,
    DayKind,
    TimeBin,
    bin_of,
    day_kind,
    service_time,
)

KOLKATA = ZoneInfo("Asia/Kolkata")
NO_HOLIDAYS: frozenset[date] = frozenset()
WEDNESDAY = date(2026, 3, 4)
HOUR = 3600


@pytest.mark.parametrize(
    ("hour", "minute", "quarter"),
    [(0, 0, 0), (0, 14, 0), (0, 15, 1), (9, 0, 36), (23, 44, 94), (23, 45, 95), (23, 59, 95)],
)
def test_a_quarter_begins_every_fifteen_minutes(hour: int, minute: int, quarter: int) -> None:
    moment = datetime(2026, 3, 4, hour, minute, 59, tzinfo=KOLKATA)
    assert TimeBin(DayKind.WEEKDAY, quarter) == bin_of(moment, KOLKATA, NO_HOLIDAYS)


def test_day_and_quarter_are_those_of_the_services_zone() -> None:
    """Friday 23:00 in UTC is Saturday 04:30 in Kolkata."""
    moment = datetime(2026, 3, 6, 23, 0, tzinfo=UTC)
    assert TimeBin(DayKind.WEEKEND, 18) == bin_of(moment, KOLKATA, NO_HOLIDAYS)


def test_a_moment_without_a_zone_has_no_bin() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        bin_of(datetime(2026, 3, 4, 9, 0), KOLKATA, NO_HOLIDAYS)  # noqa: DTZ001 - the very mistake


def test_monday_to_friday_are_weekdays_and_the_rest_is_weekend() -> None:
    kinds = [day_kind(date(2026, 3, day), NO_HOLIDAYS) for day in range(2, 9)]
    assert kinds == [DayKind.WEEKDAY] * 5 + [DayKind.WEEKEND] * 2


def test_a_holiday_runs_like_a_weekend() -> None:
    assert day_kind(WEDNESDAY, frozenset({WEDNESDAY})) is DayKind.WEEKEND


def test_a_holiday_is_a_day_in_the_services_zone() -> None:
    """23:00 UTC of the day before is already the holiday in Kolkata."""
    moment = datetime(2026, 3, 3, 23, 0, tzinfo=UTC)
    assert bin_of(moment, KOLKATA, frozenset({WEDNESDAY})).day is DayKind.WEEKEND


@pytest.mark.parametrize(
    ("moment", "kind"),
    [
        (datetime(2026, 3, 7, 3, 59, 59, tzinfo=KOLKATA), DayKind.WEEKDAY),
        (datetime(2026, 3, 7, 4, 0, tzinfo=KOLKATA), DayKind.WEEKEND),
        (datetime(2026, 3, 9, 3, 59, 59, tzinfo=KOLKATA), DayKind.WEEKEND),
        (datetime(2026, 3, 9, 4, 0, tzinfo=KOLKATA), DayKind.WEEKDAY),
    ],
)
def test_a_day_of_buses_begins_at_four(moment: datetime, kind: DayKind) -> None:
    """The night to Saturday is still Friday's, the night to Monday still Sunday's."""
    assert TimeBin(kind, moment.hour * 4 + moment.minute // 15) == bin_of(
        moment, KOLKATA, NO_HOLIDAYS
    )


@pytest.mark.parametrize(
    ("seconds", "days_later", "quarter"),
    [
        (0, -1, 0),
        (4 * HOUR - 1, -1, 15),
        (4 * HOUR, 0, 16),
        (17 * HOUR + 50 * 60, 0, 71),
        (25 * HOUR + 600, 0, 4),
        (28 * HOUR - 1, 0, 15),
        (28 * HOUR, 1, 16),
        (52 * HOUR, 2, 16),
    ],
)
def test_times_of_a_timetable_keep_to_the_same_boundary(
    seconds: int, days_later: int, quarter: int
) -> None:
    """25:10 is the service day's night; 28:00 belongs to the day after, 03:59 to the day before."""
    assert service_time(seconds) == (days_later, quarter)


def test_a_service_day_has_no_time_before_its_start() -> None:
    with pytest.raises(ValueError, match="starts at 0 seconds"):
        service_time(-1)


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
