"""The days on which the services of a feed run: calendar.txt and calendar_dates.txt."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import date, timedelta
from zipfile import ZipFile

from backend.core.bins import DayKind, day_kind
from backend.core.errors import FeedError
from backend.tools.tables import Row, has_table, read_table

CALENDAR = "calendar.txt"
CALENDAR_DATES = "calendar_dates.txt"
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DATE_TEXT = re.compile(r"[0-9]{8}")
LONGEST_CALENDAR = timedelta(days=3660)


def read_service_days(archive: ZipFile) -> Mapping[str, frozenset[date]]:
    """Return, per service_id, the days on which it runs.

    They are the days of calendar.txt, plus the added and minus the removed days of
    calendar_dates.txt. A feed may have either file or both; one with neither raises FeedError.
    """
    if not (has_table(archive, CALENDAR) or has_table(archive, CALENDAR_DATES)):
        raise FeedError(
            f"{CALENDAR}: the feed has neither this file nor {CALENDAR_DATES}, so no trip runs on"
            " any day; add one of them."
        )
    days: dict[str, set[date]] = {}
    if has_table(archive, CALENDAR):
        for row in read_table(
            archive, CALENDAR, frozenset({"service_id", "start_date", "end_date", *WEEK})
        ):
            if row["service_id"] in days:
                raise row.error("service_id", f"repeats {row['service_id']!r}, but ids are unique")
            days[row["service_id"]] = _calendar_days(row)
    if has_table(archive, CALENDAR_DATES):
        for row in read_table(
            archive, CALENDAR_DATES, frozenset({"service_id", "date", "exception_type"})
        ):
            _apply_exception(days.setdefault(row["service_id"], set()), row)
    return {service: frozenset(running) for service, running in days.items()}


def count_kinds(
    running: Collection[date], days_later: int, holidays: frozenset[date]
) -> Mapping[DayKind, int]:
    """Count the kinds of the days that lie so many days after those on which a service runs."""
    shift = timedelta(days=days_later)
    return Counter(day_kind(day + shift, holidays) for day in running)


def _calendar_days(row: Row) -> set[date]:
    """Return the days from start_date to end_date, both included, whose flag is 1.

    Of a calendar that is meant to last for ever only the first ten years are counted: a timetable
    asks for the shares of weekdays and weekends, which do not change afterwards.
    """
    runs = tuple(_flag(row, weekday) for weekday in WEEK)
    first, last = _day(row, "start_date"), _day(row, "end_date")
    if last < first:
        raise row.error("end_date", "lies before start_date, so the service would never run")
    length = min(last - first, LONGEST_CALENDAR)
    span = (first + timedelta(days=n) for n in range(length.days + 1))
    return {day for day in span if runs[day.weekday()]}


def _apply_exception(days: set[date], row: Row) -> None:
    """Add or remove the one day of a calendar_dates row."""
    day = _day(row, "date")
    match row["exception_type"]:
        case "1":
            days.add(day)
        case "2":
            days.discard(day)
        case other:
            raise row.error(
                "exception_type", f"holds {other!r}, but must be 1 (added) or 2 (removed)"
            )


def _flag(row: Row, column: str) -> bool:
    """Read a 0 or 1."""
    if row[column] not in {"0", "1"}:
        raise row.error(column, f"holds {row[column]!r}, but must be 0 or 1")
    return row[column] == "1"


def _day(row: Row, column: str) -> date:
    """Read a date written YYYYMMDD."""
    text = row[column]
    # fromisoformat reads 20260131, but also 2026-01-31 and 2026W055, which GTFS does not know.
    if DATE_TEXT.fullmatch(text):
        with suppress(ValueError):
            return date.fromisoformat(text)
    raise row.error(column, f"holds {text!r}, but must be a date like 20260131")
