"""When a bus runs, as one of 192 bins: 96 quarter hours of a weekday, 96 of a weekend or holiday.

Phones tell moments, timetables tell seconds of a service day. A service day runs past midnight:
GTFS writes 25:10:00 for ten past one in the night *after* the service day ("Time is measured from
noon minus 12h of the service day", https://gtfs.org/documentation/schedule/reference/). Such a time
belongs to the day before: its kind is the service day's, its quarter is what the clock on the
wall shows. 25:10:00 of a Friday's timetable is therefore the weekday's quarter of 01:10.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import Enum
from typing import Self

QUARTERS = 96
SECONDS_PER_QUARTER = 900
SATURDAY = 5


class DayKind(Enum):
    """How buses run on a day."""

    WEEKDAY = "weekday"
    WEEKEND = "weekend"
    """Saturday, Sunday, or a holiday."""


@dataclass(frozen=True, slots=True)
class TimeBin:
    """A quarter hour of a kind of day, in the service's time zone."""

    day: DayKind
    quarter: int
    """0 (from 00:00) to 95 (from 23:45)."""

    def __post_init__(self) -> None:
        if not 0 <= self.quarter < QUARTERS:
            raise ValueError(f"A day has the quarters 0 to {QUARTERS - 1}, not {self.quarter}.")

    @classmethod
    def from_index(cls, index: int) -> Self:
        """Return the bin with this number; ValueError unless it is 0 to 191."""
        if not 0 <= index < 2 * QUARTERS:
            raise ValueError(f"A time bin is numbered 0 to {2 * QUARTERS - 1}, not {index}.")
        return cls(DayKind.WEEKDAY if index < QUARTERS else DayKind.WEEKEND, index % QUARTERS)

    @property
    def index(self) -> int:
        """The number under which the bin is stored: 0 to 95 weekday, 96 to 191 weekend."""
        return self.quarter if self.day is DayKind.WEEKDAY else QUARTERS + self.quarter


def day_kind(day: date, holidays: frozenset[date]) -> DayKind:
    """Return how buses run on a day."""
    if day.weekday() >= SATURDAY or day in holidays:
        return DayKind.WEEKEND
    return DayKind.WEEKDAY


def bin_of(moment: datetime, zone: tzinfo, holidays: frozenset[date]) -> TimeBin:
    """Return the bin of a moment: day and quarter as calendar and clock in `zone` show them.

    Raises ValueError for a moment without a time zone of its own.
    """
    if moment.utcoffset() is None:
        raise ValueError(f"The moment {moment.isoformat()} says no time zone, so it has no bin.")
    local = moment.astimezone(zone)
    return TimeBin(day_kind(local.date(), holidays), _quarter(local))


def bin_of_service_time(
    service_day: date, seconds: int, zone: tzinfo, holidays: frozenset[date]
) -> TimeBin:
    """Return the bin of a GTFS time: `seconds` since noon minus 12 h of the service day.

    The kind is the service day's even past 24:00:00; the quarter is the wall clock's. On the
    two days a year on which a zone changes its clock, noon minus 12 h is not midnight, and the
    quarter follows the wall clock. Raises ValueError for negative seconds.
    """
    _require_not_negative(seconds)
    noon = datetime.combine(service_day, time(12), zone)
    moment = noon.astimezone(UTC) + timedelta(seconds=seconds, hours=-12)
    return TimeBin(day_kind(service_day, holidays), _quarter(moment.astimezone(zone)))


def service_bin(day: DayKind, seconds: int) -> TimeBin:
    """Return the bin of a GTFS time on any ordinary service day of a kind.

    A timetable says on which kinds of day a trip runs, rarely on which single day; changes of the
    clock are therefore left out of account. Raises ValueError for negative seconds.
    """
    _require_not_negative(seconds)
    return TimeBin(day, seconds // SECONDS_PER_QUARTER % QUARTERS)


def _quarter(local: datetime) -> int:
    return local.hour * 4 + local.minute // 15


def _require_not_negative(seconds: int) -> None:
    if seconds < 0:
        raise ValueError(f"A service day starts at 0 seconds, so {seconds} is not a time of it.")
