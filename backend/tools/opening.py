"""The database of the service, as commands open it."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

from backend.core.settings import MEMORY, Settings
from backend.core.storage import Database, open_database
from backend.core.storage.database import BASE
from backend.core.storage.schema import VERSION
from backend.tools.errors import CommandError


def require_file(settings: Settings, in_vain: str = "nothing is kept") -> None:
    """Raise CommandError for a database in memory, which ends with the command; `in_vain` is what that means."""
    if settings.database == MEMORY:
        raise CommandError(f"BMTC_DB_PATH is {MEMORY}, where {in_vain}; name a file.")


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """Open the database, bring its tables up to date, and close it in the end; DatabaseError when it is unusable.

    Tables that were older are told of: somebody may have taken them down on purpose.
    """
    with closing(open_database(settings.database)) as database:
        before = database.version()
        database.migrate()
        if before not in {BASE, VERSION}:
            print(
                f"The tables of {database.place} have version {VERSION} now; they had {before}.",
                file=sys.stderr,
            )
        yield database
