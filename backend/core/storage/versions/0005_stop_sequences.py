"""What the timetable calls each call of a trip: trip updates say so which of two at one stop they mean."""

from alembic.operations import Operations
from sqlalchemy import Column, Integer, column, table, update

revision = "0005"
down_revision = "0004"


def upgrade(op: Operations) -> None:
    """Add it, and forget what the feeds were made from: the same one loaded once more is then read for it."""
    op.add_column("calls", Column("sequence", Integer))
    op.execute(update(table("feeds", column("digest"))).values(digest=""))


def downgrade(op: Operations) -> None:
    """Drop it."""
    op.drop_column("calls", "sequence")
