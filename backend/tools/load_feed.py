"""`python -m backend load-feed`: a GTFS timetable into the database."""

import sys
from datetime import date
from pathlib import Path

from backend.core.clock import Clock
from backend.core.settings import Settings
from backend.tools.import_feed import ImportReport, import_feed
from backend.tools.opening import opened, require_file


def load_feed(settings: Settings, clock: Clock, path: Path) -> None:
    """Replace the timetable by that of a feed, keep what was learned, and print what was found.

    A timetable that is over is told of, loaded before or not: it is served all the same, since its durations are
    still worth something.
    Raises FeedError for a feed that cannot be read, and leaves the old timetable as it was.
    """
    require_file(settings, "a timetable would be lost at once")
    now = clock.now()
    with opened(settings) as database:
        report = import_feed(database, path, settings.holidays, now, settings.zone)
    if report.changed:
        print(f"Loaded {path}: {describe(report)}.")
    else:
        print(f"{path} holds the timetable that is loaded already; nothing has changed.")
    if over := told_over(report.last_day, now.astimezone(settings.zone).date()):
        print(over, file=sys.stderr)


def told_over(last_day: date | None, today: date) -> str:
    """Say that a timetable has no service days any more, if that is so; else nothing."""
    if last_day is None:
        why = "none of its trips runs on any day"
    elif last_day < today:
        why = f"its last service day was {last_day}"
    else:
        return ""
    return (
        f"Mind that {why}: schedules and trip updates stay empty, and only durations are answered;"
        " load a newer feed."
    )


def describe(report: ImportReport) -> str:
    """Count what a timetable holds."""
    return (
        f"{report.routes} routes, {report.patterns} patterns, {report.segments} segments,"
        f" {report.entries} timetable entries, {report.trips} trips, {report.calls} stop times"
    )
