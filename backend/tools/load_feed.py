"""`python -m backend load-feed`: a GTFS timetable into the database."""

from pathlib import Path

from backend.core.clock import Clock
from backend.core.settings import MEMORY, Settings
from backend.core.storage import open_database
from backend.tools.errors import CommandError
from backend.tools.import_feed import ImportReport, import_feed


def load_feed(settings: Settings, clock: Clock, path: Path) -> None:
    """Replace the timetable by that of a feed, keep what was learned, and print what was found.

    Raises FeedError for a feed that cannot be read, and leaves the old timetable as it was.
    """
    if settings.database == MEMORY:
        raise CommandError(
            f"BMTC_DB_PATH is {MEMORY}, where a timetable would be lost at once; name a file."
        )
    database = open_database(settings.database)
    try:
        database.migrate()
        report = import_feed(database, path, settings.holidays, clock.now(), settings.zone)
    finally:
        database.close()
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
