"""The days on which the services of a feed run: calendar.txt and calendar_dates.txt."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from zipfile import ZipFile

from backend.core.bins import DayKind, day_kind
from backend.core.schedule import Service
from backend.tools.tables import LONGEST_UNASKED_ID, Problems, Row, file_error, has_table, shown

CALENDAR = "calendar.txt"
CALENDAR_DATES = "calendar_dates.txt"
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DATE_TEXT = re.compile(r"[0-9]{8}")
FIRST_YEAR, LAST_YEAR = 1900, 2999
"""Between which a service begins and has its exceptions: night buses run on the days before and after, which have to
be days as well. It may end whenever it likes, since agencies write 9999 where no end is known."""
LONGEST_CALENDAR = timedelta(days=3660)
"""Of a calendar that is meant to last for ever only the first ten years are counted: a timetable
asks for the shares of weekdays and weekends, which do not change afterwards."""


def read_services(archive: ZipFile, problems: Problems) -> Mapping[str, Service]:
    """Return the services by id: those of calendar.txt, with the exceptions of calendar_dates.txt.

    A feed may have either file or both, and either without rows; nothing in neither is a problem.
    """
    files = {file for file in (CALENDAR, CALENDAR_DATES) if has_table(archive, file)}
    if not files:
        problems.unread.add(CALENDAR)
        problems.note(
            file_error(
                CALENDAR,
                f"the feed has neither this file nor {CALENDAR_DATES}, so no trip runs on any day;"
                " add one of them",
            )
        )
    services: dict[str, Service] = {}
    if CALENDAR in files:
        _read_calendar(archive, services, problems)
    if CALENDAR_DATES in files:
        _read_exceptions(archive, services, problems)
    if files and files <= problems.empty - problems.unread:
        file = min(files)
        problems.unread.add(file)
        problems.note(
            file_error(
                file,
                "the calendar has no rows, so no trip runs on any day; export the feed again",
            )
        )
    return services


def count_kinds(
    running: Collection[date], days_later: int, holidays: frozenset[date]
) -> Mapping[DayKind, int]:
    """Count the kinds of the days that lie so many days after those on which a service runs."""
    shift = timedelta(days=days_later)
    return Counter(day_kind(day + shift, holidays) for day in running)


def _read_calendar(archive: ZipFile, services: dict[str, Service], problems: Problems) -> None:
    lines: dict[str, int] = {}
    for row in problems.rows(
        archive,
        CALENDAR,
        frozenset({"service_id", "start_date", "end_date", *WEEK}),
        may_be_empty=True,
    ):
        name = problems.attempt(row.identifier, "service_id", lines, LONGEST_UNASKED_ID)
        flags = [problems.attempt(_flag, row, weekday) for weekday in WEEK]
        first = problems.attempt(_near_day, row, "start_date")
        last = problems.attempt(_day, row, "end_date")
        if first is not None and last is not None and last < first:
            problems.note(
                row.error("end_date", "lies before start_date, so the service would never run")
            )
        if name is not None:
            weekdays = sum(1 << number for number, flag in enumerate(flags) if flag)
            services[name] = Service(weekdays, first, last)


def _read_exceptions(archive: ZipFile, services: dict[str, Service], problems: Problems) -> None:
    lines: dict[tuple[str, date], int] = {}
    added: dict[str, set[date]] = {}
    removed: dict[str, set[date]] = {}
    for row in problems.rows(
        archive,
        CALENDAR_DATES,
        frozenset({"service_id", "date", "exception_type"}),
        may_be_empty=True,
    ):
        name = problems.attempt(row.name, "service_id", LONGEST_UNASKED_ID)
        day = problems.attempt(_near_day, row, "date")
        adds = problems.attempt(_adds, row)
        if name is not None:
            services.setdefault(name, Service())
        if name is None or day is None or adds is None:
            continue
        if (name, day) in lines:
            problems.note(
                row.error(
                    "date",
                    f"repeats {row['date']!r} for the service {name!r} of line {lines[name, day]},"
                    " but a day has one exception",
                )
            )
        lines[name, day] = row.line
        (added if adds else removed).setdefault(name, set()).add(day)
    for name in added.keys() | removed.keys():
        services[name] = replace(
            services[name],
            added=frozenset(added.get(name, ())),
            removed=frozenset(removed.get(name, ())),
        )


def _adds(row: Row) -> bool:
    """Say whether an exception adds its day; otherwise it removes it."""
    kind = row["exception_type"]
    if kind not in {"1", "2"}:
        raise row.error(
            "exception_type", f"holds {shown(kind)}, but must be 1 (added) or 2 (removed)"
        )
    return kind == "1"


def _flag(row: Row, column: str) -> bool:
    """Read a 0 or 1."""
    if row[column] not in {"0", "1"}:
        raise row.error(column, f"holds {shown(row[column])}, but must be 0 or 1")
    return row[column] == "1"


def _near_day(row: Row, column: str) -> date:
    """Read a date of a year that buses may run in."""
    day = _day(row, column)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise row.error(
            column, f"holds {row[column]!r}, but must be in the years {FIRST_YEAR} to {LAST_YEAR}"
        )
    return day


def _day(row: Row, column: str) -> date:
    """Read a date written YYYYMMDD."""
    text = row[column]
    # fromisoformat reads 20260131, but also 2026-01-31 and 2026W055, which GTFS does not know.
    if DATE_TEXT.fullmatch(text):
        with suppress(ValueError):
            return date.fromisoformat(text)
    raise row.error(column, f"holds {shown(text)}, but must be a date like 20260131")
