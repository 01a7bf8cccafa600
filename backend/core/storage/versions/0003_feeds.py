"""Whole feeds beside each other: stops, routes, trips, calls and calendars; segments that retire."""

from alembic.operations import Operations
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Integer,
    Text,
    text,
)

revision = "0003"
down_revision = "0002"

CHANGED = ("timetable", "pattern_stops", "patterns")
"""Those that have to be made anew, since a key cannot be changed in SQLite; who refers comes first."""
NEW = ("calls", "trips", "service_exceptions", "services", "routes", "stops")


def upgrade(op: Operations) -> None:
    """Create them; a timetable that is there becomes the current feed, without a schedule."""
    op.add_column("segments", Column("retired_at", BigInteger))
    op.add_column("segments", Column("lessons", Integer, nullable=False, server_default=text("0")))
    op.create_table(
        "feeds",
        Column("id", Integer, primary_key=True),
        Column("digest", Text, nullable=False),
        Column("version", Text),
        Column("imported_at", BigInteger, nullable=False),
        Column("state", Text, nullable=False),
    )
    # Without a digest it equals no feed that is imported later; without a moment it is of 1970.
    op.execute(
        "INSERT INTO feeds (digest, imported_at, state) SELECT '', 0, 'current'"
        " WHERE EXISTS (SELECT 1 FROM patterns) OR EXISTS (SELECT 1 FROM timetable)"
    )
    _set_aside(op)
    op.create_table(
        "patterns",
        Column("id", Integer, primary_key=True),
        Column("feed", Integer, ForeignKey("feeds.id"), nullable=False, index=True),
        Column("route_id", Text, nullable=False),
    )
    _create_pattern_stops(op)
    op.create_table(
        "timetable",
        Column("feed", Integer, ForeignKey("feeds.id"), primary_key=True),
        Column("segment", Integer, ForeignKey("segments.id"), primary_key=True),
        Column("bin", Integer, primary_key=True),
        Column("mean_seconds", Float, nullable=False),
        Column("departures", Integer, nullable=False),
    )
    op.execute(
        "INSERT INTO patterns (id, feed, route_id)"
        " SELECT old.id, feeds.id, old.route_id FROM old_patterns AS old CROSS JOIN feeds"
    )
    op.execute(
        "INSERT INTO timetable (feed, segment, bin, mean_seconds, departures)"
        " SELECT feeds.id, old.segment, old.bin, old.mean_seconds, old.departures"
        " FROM old_timetable AS old CROSS JOIN feeds"
    )
    _finish(op)
    _create_schedule(op)


def downgrade(op: Operations) -> None:
    """Drop them; the timetable of the current feed stays."""
    for table in NEW:
        op.drop_table(table)
    _set_aside(op)
    op.create_table(
        "patterns",
        Column("id", Integer, primary_key=True),
        Column("route_id", Text, nullable=False),
    )
    _create_pattern_stops(op)
    op.create_table(
        "timetable",
        Column("segment", Integer, ForeignKey("segments.id"), primary_key=True),
        Column("bin", Integer, primary_key=True),
        Column("mean_seconds", Float, nullable=False),
        Column("departures", Integer, nullable=False),
    )
    op.execute("DELETE FROM feeds WHERE state <> 'current'")
    op.execute("DELETE FROM old_patterns WHERE feed NOT IN (SELECT id FROM feeds)")
    op.execute("DELETE FROM old_pattern_stops WHERE pattern NOT IN (SELECT id FROM old_patterns)")
    op.execute("INSERT INTO patterns (id, route_id) SELECT id, route_id FROM old_patterns")
    op.execute(
        "INSERT INTO timetable (segment, bin, mean_seconds, departures)"
        " SELECT segment, bin, mean_seconds, departures FROM old_timetable"
        " WHERE feed IN (SELECT id FROM feeds)"
    )
    _finish(op)
    op.drop_table("feeds")
    op.drop_column("segments", "lessons")
    op.drop_column("segments", "retired_at")


def _set_aside(op: Operations) -> None:
    """Copy what the tables hold that have to be made anew, and drop these."""
    op.execute("CREATE TABLE old_timetable AS SELECT * FROM timetable")
    op.execute("CREATE TABLE old_pattern_stops AS SELECT * FROM pattern_stops")
    op.execute("CREATE TABLE old_patterns AS SELECT * FROM patterns")
    for table in CHANGED:
        op.drop_table(table)


def _create_pattern_stops(op: Operations) -> None:
    op.create_table(
        "pattern_stops",
        Column("pattern", Integer, ForeignKey("patterns.id", ondelete="CASCADE"), primary_key=True),
        Column("position", Integer, primary_key=True),
        Column("stop", Text, nullable=False, index=True),
    )


def _finish(op: Operations) -> None:
    """Copy what goes with patterns, and drop the copies."""
    op.execute(
        "INSERT INTO pattern_stops (pattern, position, stop)"
        " SELECT pattern, position, stop FROM old_pattern_stops"
    )
    for table in CHANGED:
        op.drop_table(f"old_{table}")


def _create_schedule(op: Operations) -> None:
    """Create what a schedule needs."""
    op.create_table(
        "stops",
        Column("feed", Integer, ForeignKey("feeds.id"), primary_key=True),
        Column("id", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("lat", Float, nullable=False),
        Column("lon", Float, nullable=False),
    )
    op.create_index("ix_stops_feed_lat", "stops", ["feed", "lat"])
    op.create_table(
        "routes",
        Column("feed", Integer, ForeignKey("feeds.id"), primary_key=True),
        Column("id", Text, primary_key=True),
        Column("short_name", Text, nullable=False),
        Column("long_name", Text, nullable=False),
        Column("route_type", Integer, nullable=False),
        Column("search", Text, nullable=False),
    )
    op.create_table(
        "services",
        Column("feed", Integer, ForeignKey("feeds.id"), primary_key=True),
        Column("id", Text, primary_key=True),
        Column("weekdays", Integer, nullable=False),
        Column("first_day", Date),
        Column("last_day", Date),
    )
    op.create_table(
        "service_exceptions",
        Column("feed", Integer, ForeignKey("feeds.id"), primary_key=True),
        Column("service", Text, primary_key=True),
        Column("day", Date, primary_key=True),
        Column("added", Boolean, nullable=False),
    )
    op.create_table(
        "trips",
        Column("feed", Integer, ForeignKey("feeds.id"), primary_key=True),
        Column("id", Text, primary_key=True),
        Column("pattern", Integer, ForeignKey("patterns.id"), nullable=False, index=True),
        Column("service", Text, nullable=False),
        Column("headsign", Text),
        Column("last_position", Integer, nullable=False),
    )
    op.create_table(
        "calls",
        Column("feed", Integer, primary_key=True),
        Column("trip", Text, primary_key=True),
        Column("position", Integer, primary_key=True),
        Column("stop", Text, nullable=False),
        Column("arrival", Integer, nullable=False),
        Column("departure", Integer, nullable=False),
    )
    op.create_index("ix_calls_feed_stop_departure", "calls", ["feed", "stop", "departure"])
