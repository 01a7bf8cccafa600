"""The tables, built anew for each database: SQLAlchemy's `MetaData` is mutable and never shared."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator

VERSION = "0005"
"""The last of versions/: what a new database begins with."""


class Instant(TypeDecorator[datetime]):
    """A moment, stored exactly: whole microseconds since 1970 in UTC, which also sort."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - the base class says so
        """Return the number to store."""
        if value is None:
            return None
        return (value - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base class says so
        """Return the moment, in UTC."""
        if value is None:
            return None
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=value)


class Words(TypeDecorator[tuple[str, ...]]):
    """A tuple of words without spaces, stored as one text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str:  # noqa: ARG002 - the base class says so
        """Return the text to store."""
        return " ".join(value or ())

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...]:  # noqa: ARG002 - the base class says so
        """Return the words."""
        return tuple((value or "").split())


@dataclass(frozen=True, slots=True)
class Schema:
    """Every table of one database."""

    metadata: MetaData
    version: Table
    """One row, which Alembic reads and writes as well."""
    segments: Table
    patterns: Table
    pattern_stops: Table
    timetable: Table
    rides: Table
    observations: Table
    cells: Table
    answers: Table
    api_keys: Table
    buckets: Table
    device_weights: Table
    feeds: Table
    stops: Table
    routes: Table
    services: Table
    service_exceptions: Table
    trips: Table
    calls: Table
    base_cells: Table
    """The cells as of the last ride that retention took away."""
    base_device_weights: Table
    accuracy: Table


def build_schema() -> Schema:
    """Return a new set of tables.

    Segments outlive the timetable that named them, since what was learned hangs on them. Devices
    are stored as pseudonyms (see `backend.core.rides`). Durations are seconds. At most one
    feed is `current` (see `backend.core.store.feeds`); nobody reads of another one.
    """
    metadata = MetaData()
    version = Table(
        "alembic_version", metadata, Column("version_num", String(32), primary_key=True)
    )
    segments = Table(
        "segments",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("from_stop", Text, nullable=False),
        Column("to_stop", Text, nullable=False),
        Column("retired_at", Instant),
        # How often anything that was learned on it has changed: what is kept in memory goes by it.
        Column("lessons", Integer, nullable=False, server_default=text("0")),
        UniqueConstraint("from_stop", "to_stop"),
    )
    feeds = Table(
        "feeds",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("digest", Text, nullable=False),
        Column("version", Text),
        Column("imported_at", Instant, nullable=False),
        Column("state", Text, nullable=False),
    )
    patterns = Table(
        "patterns",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("feed", ForeignKey(feeds.c.id), nullable=False, index=True),
        Column("route_id", Text, nullable=False),
    )
    pattern_stops = Table(
        "pattern_stops",
        metadata,
        Column("pattern", ForeignKey(patterns.c.id, ondelete="CASCADE"), primary_key=True),
        Column("position", Integer, primary_key=True),
        Column("stop", Text, nullable=False, index=True),
    )
    timetable = Table(
        "timetable",
        metadata,
        Column("feed", ForeignKey(feeds.c.id), primary_key=True),
        Column("segment", ForeignKey(segments.c.id), primary_key=True),
        Column("bin", Integer, primary_key=True),
        Column("mean_seconds", Float, nullable=False),
        Column("departures", Integer, nullable=False),
    )
    rides = Table(
        "rides",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("device", Text, nullable=False),
        Column("route_id", Text),
        Column("received_at", Instant, nullable=False, index=True),
        Column("scored", Boolean, index=True),
    )
    observations = Table(
        "observations",
        metadata,
        Column("ride", ForeignKey(rides.c.id, ondelete="CASCADE"), primary_key=True),
        Column("position", Integer, primary_key=True),
        Column("segment", ForeignKey(segments.c.id), nullable=False, index=True),
        Column("bin", Integer, nullable=False),
        Column("seconds", Float, nullable=False),
        Column("confidence", Float, nullable=False),
        Column("started_at", Instant, nullable=False),
        Column("judgement", Text, nullable=False),
        Column("predicted_seconds", Float),
        Column("predicted_p90_seconds", Float),
        Column("predicted_from", Text),
    )
    cells = _cells("cells", metadata, segments)
    answers = Table(
        "answers",
        metadata,
        Column("key", Text, primary_key=True),
        Column("fingerprint", Text, nullable=False),
        Column("status", Integer, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("stored_at", Instant, nullable=False, index=True),
    )
    api_keys = Table(
        "api_keys",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("name", Text, nullable=False, unique=True),
        Column("digest", Text, nullable=False, unique=True),
        Column("created_at", Instant, nullable=False),
        Column("revoked_at", Instant),
    )
    buckets = Table(
        "buckets",
        metadata,
        Column("device", Text, primary_key=True),
        Column("tokens", BigInteger, nullable=False),
        Column("price", BigInteger, nullable=False),  # tokens that a ride cost
        Column("as_of", Instant, nullable=False, index=True),
    )
    device_weights = _device_weights("device_weights", metadata, segments)
    stops = Table(
        "stops",
        metadata,
        Column("feed", ForeignKey(feeds.c.id), primary_key=True),
        Column("id", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("lat", Float, nullable=False),
        Column("lon", Float, nullable=False),
        Index("ix_stops_feed_lat", "feed", "lat"),
    )
    routes = Table(
        "routes",
        metadata,
        Column("feed", ForeignKey(feeds.c.id), primary_key=True),
        Column("id", Text, primary_key=True),
        Column("short_name", Text, nullable=False),
        Column("long_name", Text, nullable=False),
        Column("route_type", Integer, nullable=False),
        Column("search", Text, nullable=False),
    )
    services = Table(
        "services",
        metadata,
        Column("feed", ForeignKey(feeds.c.id), primary_key=True),
        Column("id", Text, primary_key=True),
        Column("weekdays", Integer, nullable=False),
        Column("first_day", Date),
        Column("last_day", Date),
    )
    service_exceptions = Table(
        "service_exceptions",
        metadata,
        Column("feed", ForeignKey(feeds.c.id), primary_key=True),
        Column("service", Text, primary_key=True),
        Column("day", Date, primary_key=True),
        Column("added", Boolean, nullable=False),
    )
    trips = Table(
        "trips",
        metadata,
        Column("feed", ForeignKey(feeds.c.id), primary_key=True),
        Column("id", Text, primary_key=True),
        Column("pattern", ForeignKey(patterns.c.id), nullable=False, index=True),
        Column("service", Text, nullable=False),
        Column("headsign", Text),
        Column("last_position", Integer, nullable=False),
    )
    calls = Table(
        "calls",
        metadata,
        Column("feed", Integer, primary_key=True),
        Column("trip", Text, primary_key=True),
        Column("position", Integer, primary_key=True),
        Column("stop", Text, nullable=False),
        Column("arrival", Integer, nullable=False),
        Column("departure", Integer, nullable=False),
        Column("sequence", Integer),
        Index("ix_calls_feed_stop_departure", "feed", "stop", "departure"),
    )
    base_cells = _cells("base_cells", metadata, segments)
    base_device_weights = _device_weights("base_device_weights", metadata, segments)
    accuracy = Table(
        "accuracy",
        metadata,
        Column("day", Text, primary_key=True),
        Column("predicted_from", Text, primary_key=True),
        Column("count", Integer, nullable=False),
        Column("error_sum", Float, nullable=False),
        Column("absolute_sum", Float, nullable=False),
        Column("square_sum", Float, nullable=False),
        Column("within_p90", Integer, nullable=False),
    )
    return Schema(
        metadata=metadata,
        version=version,
        segments=segments,
        patterns=patterns,
        pattern_stops=pattern_stops,
        timetable=timetable,
        rides=rides,
        observations=observations,
        cells=cells,
        answers=answers,
        api_keys=api_keys,
        buckets=buckets,
        device_weights=device_weights,
        feeds=feeds,
        stops=stops,
        routes=routes,
        services=services,
        service_exceptions=service_exceptions,
        trips=trips,
        calls=calls,
        base_cells=base_cells,
        base_device_weights=base_device_weights,
        accuracy=accuracy,
    )


def _cells(name: str, metadata: MetaData, segments: Table) -> Table:
    """Build a table of cells: what is learned, or was."""
    return Table(
        name,
        metadata,
        Column("segment", ForeignKey(segments.c.id), primary_key=True),
        Column("bin", Integer, primary_key=True),
        Column("weight", Float, nullable=False),
        Column("mean", Float, nullable=False),
        Column("spread_sum", Float, nullable=False),
        Column("as_of", Instant, nullable=False),
        Column("streak_side", Integer, nullable=False),
        Column("streak_devices", Words, nullable=False),
    )


def _device_weights(name: str, metadata: MetaData, segments: Table) -> Table:
    """Build a table of what each device has taught the cells."""
    return Table(
        name,
        metadata,
        Column("segment", ForeignKey(segments.c.id), primary_key=True),
        Column("bin", Integer, primary_key=True),
        Column("device", Text, primary_key=True),
        Column("weight", Float, nullable=False),
        Column("as_of", Instant, nullable=False, index=True),
    )
