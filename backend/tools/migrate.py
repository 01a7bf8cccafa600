"""`python -m backend migrate`: the tables to a version, up or down."""

from backend.core.settings import MEMORY, Settings
from backend.core.storage import open_database
from backend.core.storage.migrating import versions
from backend.tools.errors import CommandError


def migrate(settings: Settings, to: str) -> None:
    """Bring the tables to a version in one transaction, and print what was done.

    What only a newer version has a place for is lost on the way down. Raises CommandError for a version that is none
    and for a database in memory, DatabaseError for tables of a newer version or somebody else.
    """
    if settings.database == MEMORY:
        raise CommandError(f"BMTC_DB_PATH is {MEMORY}, where nothing is kept; name a file.")
    known = versions()
    if to not in known:
        raise CommandError(f"There is no version {to} of the tables, but {', '.join(known)}.")
    database = open_database(settings.database)
    try:
        before = database.version()
        database.migrate(to)
    finally:
        database.close()
    print(f"The tables of {database.place} have version {to}; they had {before}.")
