"""The database of the service, as commands open it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from backend.core.settings import MEMORY, Settings
from backend.core.storage import Database, open_database
from backend.tools.errors import CommandError


def require_file(settings: Settings, in_vain: str = "nothing is kept") -> None:
    """Raise CommandError for a database in memory, which ends with the command; `in_vain` is what that means."""
    if settings.database == MEMORY:
        raise CommandError(f"BMTC_DB_PATH is {MEMORY}, where {in_vain}; name a file.")


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """Open the database, bring its tables up to date, and close it in the end; DatabaseError when it is unusable."""
    with closing(open_database(settings.database)) as database:
        database.migrate()
        yield database
