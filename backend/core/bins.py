"""When a bus runs, as one of 192 bins: 96 quarter hours of a weekday, 96 of a weekend or holiday.

A day of buses begins at 04:00, the usual boundary, when the last buses are in and the first are not
yet out: the kind of a bin is that of the calendar day four hours earlier, and its quarter is what the
clock on the wall shows. The bus at 01:01 in the night to Saturday still runs as on Friday, and is
counted in the weekday's quarter of 01:00.

Phones tell moments, timetables tell seconds of a service day, and both end in the same bins. GTFS
writes 25:10:00 for ten past one in the night *after* the service day ("Time is measured from noon
minus 12h of the service day", https://gtfs.org/documentation/schedule/reference/). By the same
boundary 25:10:00 counts as on the service day, 03:10:00 as on the day before it, and 29:10:00 as on the
day after it. A timetable says on which days a trip runs, and here only how many of each kind; the two
days a year on which a zone changes its clock, when noon minus 12 h is not midnight, are therefore
left out of account for timetables.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import Enum
from typing import NamedTuple, Self

DAY_BEGINS = timedelta(hours=4)
"""After midnight by the clock on the wall: up to then the buses are those of the day before."""

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

    def __hash__(self) -> int:
        """Return the index: a ride asks for dozens of hashes, and those of enums are slow."""
        return self.index

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
    """Return the bin of a moment, as calendar and clock in `zone` show it.

    Raises ValueError for a moment without a time zone of its own.
    """
    if moment.utcoffset() is None:
        raise ValueError(f"The moment {moment.isoformat()} says no time zone, so it has no bin.")
    local = moment.astimezone(zone)
    return TimeBin(day_kind((local - DAY_BEGINS).date(), holidays), _quarter(local))


class ServiceTime(NamedTuple):
    """Where a time of a timetable is counted."""

    days_later: int
    """Days from the service day to the day whose kind counts: -1, 0, 1 and so on."""
    quarter: int
    """The quarter hour by the clock on the wall, 0 to 95."""


def service_time(seconds: int) -> ServiceTime:
    """Return where `seconds` since noon minus 12 h of a service day are counted.

    Raises ValueError for negative seconds.
    """
    if seconds < 0:
        raise ValueError(f"A service day starts at 0 seconds, so {seconds} is not a time of it.")
    days_later = (timedelta(seconds=seconds) - DAY_BEGINS) // timedelta(days=1)
    return ServiceTime(days_later, seconds // SECONDS_PER_QUARTER % QUARTERS)


def _quarter(local: datetime) -> int:
    return local.hour * 4 + local.minute // 15
