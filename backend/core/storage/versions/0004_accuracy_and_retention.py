"""What was predicted before a ride was learned, how well it fitted, and a checkpoint of what was learned."""

from alembic.operations import Operations
from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Integer, Text

revision = "0004"
down_revision = "0003"


def upgrade(op: Operations) -> None:
    """Add them; of rides that are there nothing was predicted, so that they are never scored."""
    op.add_column("rides", Column("scored", Boolean))
    op.create_index("ix_rides_scored", "rides", ["scored"])
    op.add_column("observations", Column("predicted_seconds", Float))
    op.add_column("observations", Column("predicted_p90_seconds", Float))
    op.add_column("observations", Column("predicted_from", Text))
    op.create_table(
        "base_cells",
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
        "base_device_weights",
        Column("segment", Integer, ForeignKey("segments.id"), primary_key=True),
        Column("bin", Integer, primary_key=True),
        Column("device", Text, primary_key=True),
        Column("weight", Float, nullable=False),
        Column("as_of", BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "accuracy",
        Column("day", Text, primary_key=True),
        Column("predicted_from", Text, primary_key=True),
        Column("count", Integer, nullable=False),
        Column("error_sum", Float, nullable=False),
        Column("absolute_sum", Float, nullable=False),
        Column("square_sum", Float, nullable=False),
        Column("within_p90", Integer, nullable=False),
    )


def downgrade(op: Operations) -> None:
    """Drop them.

    Columns one by one: `rides` made anew would take its observations along when the old one is dropped.
    """
    op.drop_table("accuracy")
    op.drop_table("base_device_weights")
    op.drop_table("base_cells")
    for column in ("predicted_from", "predicted_p90_seconds", "predicted_seconds"):
        op.drop_column("observations", column)
    op.drop_index("ix_rides_scored", "rides")
    op.drop_column("rides", "scored")
