"""The tables of the first service: timetable, rides, what was learned, answers."""

from alembic.operations import Operations
from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
)

revision = "0001"
down_revision = None

TABLES = (
    "answers",
    "cells",
    "observations",
    "rides",
    "timetable",
    "pattern_stops",
    "patterns",
    "segments",
)


def upgrade(op: Operations) -> None:
    """Create them."""
    op.create_table(
        "segments",
        Column("id", Integer, primary_key=True),
        Column("from_stop", Text, nullable=False),
        Column("to_stop", Text, nullable=False),
        UniqueConstraint("from_stop", "to_stop"),
    )
    op.create_table(
        "patterns",
        Column("id", Integer, primary_key=True),
        Column("route_id", Text, nullable=False),
    )
    op.create_table(
        "pattern_stops",
        Column("pattern", Integer, ForeignKey("patterns.id", ondelete="CASCADE"), primary_key=True),
        Column("position", Integer, primary_key=True),
        Column("stop", Text, nullable=False, index=True),
    )
    op.create_table(
        "timetable",
        Column("segment", Integer, ForeignKey("segments.id"), primary_key=True),
        Column("bin", Integer, primary_key=True),
        Column("mean_seconds", Float, nullable=False),
        Column("departures", Integer, nullable=False),
    )
    op.create_table(
        "rides",
        Column("id", Integer, primary_key=True),
        Column("device", Text, nullable=False),
        Column("route_id", Text),
        Column("received_at", BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "observations",
        Column("ride", Integer, ForeignKey("rides.id", ondelete="CASCADE"), primary_key=True),
        Column("position", Integer, primary_key=True),
        Column("segment", Integer, ForeignKey("segments.id"), nullable=False, index=True),
        Column("bin", Integer, nullable=False),
        Column("seconds", Float, nullable=False),
        Column("confidence", Float, nullable=False),
        Column("started_at", BigInteger, nullable=False),
        Column("judgement", Text, nullable=False),
    )
    op.create_table(
        "cells",
        Column("segment", Integer, ForeignKey("segments.id"), primary_key=True),
        Column("bin", Integer, primary_key=True),
        Column("weight", Float, nullable=False),
        Column("mean", Float, nullable=False),
        Column("spread_sum", Float, nullable=False),
        Column("as_of", BigInteger, nullable=False),
        Column("streak_side", Integer, nullable=False),
        Column("streak_devices", Text, nullable=False),
    )
    op.create_table(
        "answers",
        Column("key", Text, primary_key=True),
        Column("fingerprint", Text, nullable=False),
        Column("status", Integer, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("stored_at", BigInteger, nullable=False, index=True),
    )


def downgrade(op: Operations) -> None:
    """Drop them, those that others refer to last."""
    for table in TABLES:
        op.drop_table(table)
