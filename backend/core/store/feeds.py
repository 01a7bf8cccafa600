"""The timetable, replaced as a whole by each feed."""

from sqlalchemy import delete, insert

from backend.core.storage import Transaction
from backend.core.store.segments import number_segments
from backend.core.timetable import Feed


def save_feed(tx: Transaction, feed: Feed) -> None:
    """Put a feed in the place of the present timetable; what phones taught stays."""
    tx.claim("feed")
    schema = tx.schema
    for table in (schema.pattern_stops, schema.patterns, schema.timetable):
        tx.execute(delete(table))
    if feed.patterns:
        tx.execute(
            insert(schema.patterns),
            [{"id": n, "route_id": way.route_id} for n, way in enumerate(feed.patterns)],
        )
    stops = [
        {"pattern": n, "position": position, "stop": stop}
        for n, way in enumerate(feed.patterns)
        for position, stop in enumerate(way.stops)
    ]
    if stops:
        tx.execute(insert(schema.pattern_stops), stops)
    if feed.entries:
        numbers = number_segments(tx, (entry.segment for entry in feed.entries))
        tx.execute(
            insert(schema.timetable),
            [
                {
                    "segment": numbers[entry.segment],
                    "bin": entry.bin.index,
                    "mean_seconds": entry.mean_seconds,
                    "departures": entry.departures,
                }
                for entry in feed.entries
            ],
        )
