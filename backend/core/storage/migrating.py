"""From one version of the tables to another, with Alembic's scripts and without its globals.

Alembic's `env.py` and `op` are globals of a module that are set while it runs, so that one process
could not migrate two databases at the same time. Here its parts are put together without them: the
scripts of versions/, and the operations for one connection, which each script is handed.
"""

from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from backend.core.storage.database import BASE


def versions() -> tuple[str, ...]:
    """Return the name of each version, the first one first."""
    return tuple(script.revision for script in reversed(tuple(_scripts().walk_revisions())))


def change_version(connection: Connection, old: str, new: str) -> None:
    """Bring the tables from an old version to a new one, up or down; either may be `BASE`.

    Belongs in a writing transaction, which makes it all or nothing. Raises ValueError for a version that is not one.
    """
    scripts, context = _scripts(), MigrationContext.configure(connection)
    way = tuple(reversed(tuple(scripts.walk_revisions())))
    names = (BASE, *(script.revision for script in way))
    start, end = names.index(old), names.index(new)
    operations = Operations(context)
    context.stamp(scripts, old)  # which a database without names of versions does not know
    for script in way[start:end]:
        script.module.upgrade(operations)
    for script in reversed(way[end:start]):
        script.module.downgrade(operations)
    context.stamp(scripts, new)


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).parent))
