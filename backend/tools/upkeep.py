"""`python -m backend rebuild` and `retention`: what keeps the database in order, done by hand."""

from backend.core.clock import Clock
from backend.core.settings import Settings
from backend.core.store import rebuild, retention_step
from backend.core.store.rebuilding import Rebuilt
from backend.tools.opening import opened, require_file


def rebuild_learned(settings: Settings, *, replace: bool) -> None:
    """Learn all again from the stored rides, in one transaction, and print what that changed.

    Raises CommandError for a database in memory, DatabaseError when it is unusable or busy for too long,
    UnexplainedError for what would be lost unless `replace`.
    """
    require_file(settings)
    with opened(settings) as database, database.writing() as transaction:
        done = rebuild(transaction, settings, replace=replace)
    print(describe(done))


def describe(done: Rebuilt) -> str:
    """Say what a rebuild did."""
    return (
        f"Learned {done.rides} rides ({done.observations} observations) again, on top of"
        f" {done.base} cells of rides that are no longer kept: {done.cells} cells, {done.changed} of them"
        f" changed or new, {done.removed} removed that no ride explains."
    )


def retain(settings: Settings, clock: Clock) -> None:
    """Take away all that is too old, a step after the other, and print how much that was.

    Raises CommandError for a database in memory, DatabaseError when it is unusable.
    """
    require_file(settings)
    rides = answers = 0
    with opened(settings) as database:
        more = True
        while more:
            with database.writing() as transaction:
                taken = retention_step(transaction, settings, clock.now())
            rides, answers, more = rides + taken.rides, answers + taken.answers, taken.more
    print(
        f"Took away {rides} rides older than {settings.ride_retention_days:g} days, and {answers} answers"
        " whose time was over; what was learned stays."
    )
