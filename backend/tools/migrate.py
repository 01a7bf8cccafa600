"""`python -m backend migrate`: the tables to a version, up or down."""

from contextlib import closing

from backend.core.settings import Settings
from backend.core.storage import open_database
from backend.core.storage.migrating import versions
from backend.tools.errors import CommandError
from backend.tools.opening import require_file


def migrate(settings: Settings, to: str) -> None:
    """Bring the tables to a version in one transaction, and print what was done.

    What only a newer version has a place for is lost on the way down. Raises CommandError for a version that is none
    and for a database in memory, DatabaseError for tables of a newer version or somebody else.
    """
    require_file(settings)
    known = versions()
    if to not in known:
        raise CommandError(f"There is no version {to} of the tables, but {', '.join(known)}.")
    with closing(open_database(settings.database)) as database:
        before = database.version()
        database.migrate(to)
    print(f"The tables of {database.place} have version {to}; they had {before}.")
