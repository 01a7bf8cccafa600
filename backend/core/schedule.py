"""Which days a service of a timetable runs on, and which moments the times of such a day are.

GTFS measures time "from noon minus 12h of the service day" (https://gtfs.org/documentation/schedule/reference/):
on the two days a year on which a zone changes its clock that is not midnight, and 25:10:00 is in the night
after the service day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

NOON = time(12)
HALF_A_DAY = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Service:
    """The days on which trips run: of a week, between two days, and the exceptions."""

    weekdays: int = 0
    """A bit for each day, 1 for Monday to 64 for Sunday."""
    first_day: date | None = None
    last_day: date | None = None
    """Both included; both None for a service of exceptions alone."""
    added: frozenset[date] = frozenset()
    removed: frozenset[date] = frozenset()

    def runs_on(self, day: date) -> bool:
        """Say whether its trips run on a day."""
        if day in self.added:
            return True
        if day in self.removed or self.first_day is None or self.last_day is None:
            return False
        return self.first_day <= day <= self.last_day and bool(self.weekdays >> day.weekday() & 1)

    def ends(self) -> date | None:
        """Return the last day on which it runs, if it runs at all."""
        return max((*self.added, *self._last_of_weeks()), default=None)

    def days(self, most: timedelta) -> Iterator[date]:
        """Yield the days on which it runs, those of the week no later than `most` after the first one."""
        if self.first_day is not None and self.last_day is not None:
            length = min(self.last_day - self.first_day, most)
            for number in range(length.days + 1):
                day = self.first_day + timedelta(days=number)
                if day not in self.added and self.runs_on(day):
                    yield day
        yield from self.added

    def _last_of_weeks(self) -> Iterator[date]:
        """Yield the last day but those added; looked for backwards, since agencies write 9999 where no end is known."""
        if self.first_day is None or self.last_day is None or not self.weekdays:
            return
        for number in range((self.last_day - self.first_day).days + 1):
            day = self.last_day - timedelta(days=number)
            if self.runs_on(day):
                yield day
                return


def day_begins(day: date, zone: tzinfo) -> datetime:
    """Return the moment that a service day counts its seconds from: noon minus 12 hours, in UTC."""
    return datetime.combine(day, NOON, zone).astimezone(UTC) - HALF_A_DAY


def moment_of(day: date, seconds: int, zone: tzinfo) -> datetime:
    """Return the moment, in a zone, of a time of a service day."""
    return (day_begins(day, zone) + timedelta(seconds=seconds)).astimezone(zone)
