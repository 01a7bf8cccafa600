"""`python -m backend load-feed`: a GTFS timetable into the database."""

from pathlib import Path

from backend.core.settings import MEMORY, Settings
from backend.core.storage import open_database
from backend.core.store import save_feed
from backend.core.timetable import Feed
from backend.tools.errors import CommandError
from backend.tools.feed import read_feed


def load_feed(settings: Settings, path: Path) -> None:
    """Replace the timetable by that of a feed, keep what was learned, and print what was found.

    Raises FeedError for a feed that cannot be read, and leaves the old timetable as it was.
    """
    if settings.database == MEMORY:
        raise CommandError(
            f"BMTC_DB_PATH is {MEMORY}, where a timetable would be lost at once; name a file."
        )
    feed = read_feed(path, settings.holidays)
    database = open_database(settings.database)
    try:
        database.migrate()
        with database.writing() as transaction:
            save_feed(transaction, feed)
    finally:
        database.close()
    print(f"Loaded {path}: {describe(feed)}.")


def describe(feed: Feed) -> str:
    """Count what a timetable holds."""
    routes = len({pattern.route_id for pattern in feed.patterns})
    segments = len({entry.segment for entry in feed.entries})
    return (
        f"{routes} routes, {len(feed.patterns)} patterns, {segments} segments,"
        f" {len(feed.entries)} timetable entries"
    )
