"""Which chores a service has, and how often."""

from datetime import timedelta

from backend.core.background import Chore
from backend.core.clock import Clock
from backend.core.settings import Settings
from backend.core.storage import Database
from backend.core.store import retention_step, score_step


def make_chores(settings: Settings, clock: Clock, database: Database) -> tuple[Chore, ...]:
    """Return the chores of one service; each step is a transaction, kept whole or not at all."""

    def score() -> bool:
        with database.writing() as tx:
            return score_step(tx, settings)

    def retain() -> bool:
        with database.writing() as tx:
            return retention_step(tx, settings, clock.now()).more

    return (
        Chore("accuracy", timedelta(seconds=settings.accuracy_interval_sec), score),
        Chore("retention", timedelta(seconds=settings.retention_interval_sec), retain),
    )
