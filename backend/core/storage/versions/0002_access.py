"""Who may write, how often, and how much each device weighs: API keys, token buckets, shares of cells."""

from alembic.operations import Operations
from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Integer,
    Text,
    UniqueConstraint,
)

revision = "0002"
down_revision = "0001"


def upgrade(op: Operations) -> None:
    """Create the tables; they begin empty: what devices taught before is nobody's share."""
    op.create_table(
        "api_keys",
        Column("id", Integer, primary_key=True),
        Column("name", Text, nullable=False),
        Column("digest", Text, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("revoked_at", BigInteger),
        UniqueConstraint("name"),
        UniqueConstraint("digest"),
    )
    op.create_table(
        "buckets",
        Column("device", Text, primary_key=True),
        Column("tokens", BigInteger, nullable=False),
        Column("price", BigInteger, nullable=False),
        Column("as_of", BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "device_weights",
        Column("segment", Integer, ForeignKey("segments.id"), primary_key=True),
        Column("bin", Integer, primary_key=True),
        Column("device", Text, primary_key=True),
        Column("weight", Float, nullable=False),
        Column("as_of", BigInteger, nullable=False, index=True),
    )


def downgrade(op: Operations) -> None:
    """Drop them."""
    for table in ("device_weights", "buckets", "api_keys"):
        op.drop_table(table)
