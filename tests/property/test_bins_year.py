"""Time bins over whole years, in zones that change their clocks and in one that does not."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.bins import DayKind, TimeBin, bin_of, day_kind, service_time

KOLKATA = ZoneInfo("Asia/Kolkata")
NO_HOLIDAYS: frozenset[date] = frozenset()
DAYS_OF_2026 = st.dates(date(2026, 1, 1), date(2026, 12, 31))
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds the zone
ZONES = st.sampled_from(
    ["Asia/Kolkata", "Asia/Kathmandu", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]
).map(ZoneInfo)
DURING_SERVICE = st.integers(0, 30 * 3600)


def quarters_of(year: int) -> list[datetime]:
    first = datetime(year, 1, 1, 4, tzinfo=KOLKATA)
    days = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    return [first + timedelta(minutes=15 * number) for number in range(96 * days)]


@pytest.mark.parametrize("year", [2026, 2028])
def test_every_quarter_of_a_year_is_counted_in_its_own_bin(year: int) -> None:
    """Each weekday, from four to four, fills the 96 weekday bins once, each weekend day the others."""
    found = Counter(bin_of(moment, KOLKATA, NO_HOLIDAYS) for moment in quarters_of(year))
    days = Counter(day_kind(moment.date(), NO_HOLIDAYS) for moment in quarters_of(year)[::96])
    assert found == {
        TimeBin(kind, quarter): days[kind] for kind in DayKind for quarter in range(96)
    }


@given(MOMENTS, ZONES, st.frozensets(DAYS_OF_2026, max_size=20))
def test_a_bin_is_what_calendar_and_clock_show(
    moment: datetime, zone: ZoneInfo, holidays: frozenset[date]
) -> None:
    local = moment.astimezone(zone)
    found = bin_of(moment, zone, holidays)
    minutes = timedelta(minutes=15 * found.quarter)
    start = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
    assert minutes <= start < minutes + timedelta(minutes=15)
    bus_day = local.date() - timedelta(days=local.hour < 4)
    is_off = bus_day in holidays or bus_day.strftime("%a") in {"Sat", "Sun"}
    assert found.day is (DayKind.WEEKEND if is_off else DayKind.WEEKDAY)


@given(MOMENTS, ZONES, ZONES)
def test_how_a_moment_is_written_does_not_matter(
    moment: datetime, zone: ZoneInfo, other: ZoneInfo
) -> None:
    assert bin_of(moment.astimezone(other), zone, NO_HOLIDAYS) == bin_of(moment, zone, NO_HOLIDAYS)


@given(DAYS_OF_2026, DURING_SERVICE, st.frozensets(DAYS_OF_2026, max_size=20))
def test_timetables_and_riders_meet_in_one_bin(
    day: date, seconds: int, holidays: frozenset[date]
) -> None:
    """Where clocks never change, a bus that keeps to its timetable is seen in the timetable's bin."""
    days_later, quarter = service_time(seconds)
    promised = TimeBin(day_kind(day + timedelta(days=days_later), holidays), quarter)
    moment = datetime(day.year, day.month, day.day, tzinfo=KOLKATA) + timedelta(seconds=seconds)
    assert bin_of(moment, KOLKATA, holidays) == promised


@given(st.integers(0, 191))
def test_a_bin_and_its_number_say_the_same(index: int) -> None:
    assert TimeBin.from_index(index).index == index
