"""`python -m backend load-feed`: a GTFS timetable into the database."""

from pathlib import Path

from backend.core.clock import Clock
from backend.core.settings import Settings
from backend.tools.import_feed import ImportReport, import_feed
from backend.tools.opening import opened, require_file


def load_feed(settings: Settings, clock: Clock, path: Path) -> None:
    """Replace the timetable by that of a feed, keep what was learned, and print what was found.

    Raises FeedError for a feed that cannot be read, and leaves the old timetable as it was.
    """
    require_file(settings, "a timetable would be lost at once")
    with opened(settings) as database:
        report = import_feed(database, path, settings.holidays, clock.now(), settings.zone)
    if report.changed:
        print(f"Loaded {path}: {describe(report)}.")
    else:
        print(f"{path} holds the timetable that is loaded already; nothing has changed.")


def describe(report: ImportReport) -> str:
    """Count what a timetable holds."""
    return (
        f"{report.routes} routes, {report.patterns} patterns, {report.segments} segments,"
        f" {report.entries} timetable entries, {report.trips} trips, {report.calls} stop times"
    )
