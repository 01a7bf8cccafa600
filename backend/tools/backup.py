"""`python -m backend backup` and `restore`: the SQLite database as one file, and back.

A backup is SQLite's own online copy (https://sqlite.org/backup.html): one state of the database, taken while the
service writes on. It is made beside its place, looked through, and only then given its name. Restoring is one
transaction of SQLite's: whatever happens, the database is the old one or the new one.
"""

import os
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL

from backend.core.settings import POSTGRES, Settings
from backend.core.storage.database import FIRST
from backend.core.storage.migrating import versions
from backend.core.storage.postgres import read_address
from backend.core.storage.sqlite import PRIMARY_CODE
from backend.tools.errors import CommandError
from backend.tools.opening import require_file

PASSWORDS = ("password", "sslpassword")
"""Options of a PostgreSQL address that nobody may see."""


def back_up(settings: Settings, path: Path, *, replace: bool) -> None:
    """Write the database, as it is now, into a new file, also while the service runs, and print what was written.

    The file is whole and was looked through, or it is not there. Raises CommandError for a file that exists, unless
    it may be replaced, for a database that is none of this service's, and for PostgreSQL, whose own programs do it.
    """
    if settings.database.startswith(POSTGRES):
        dump = ("pg_dump", "--format=custom", "--no-owner", f"--file={path}")
        raise CommandError(
            f"A PostgreSQL database is backed up by its own program; run `{_command(settings, *dump)}`"
            " (it asks for the password)."
        )
    source = _file_of(settings)
    if not source.is_file():
        raise CommandError(f"There is no database {source} to back up; set BMTC_DB_PATH to yours.")
    with _one_sentence(f"The database {source} cannot be backed up to {path}"):
        _refuse_to_replace(path, source, replace=replace)
        with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
            part = Path(folder) / "part"
            part.touch(mode=0o600)  # pseudonyms and digests of keys are in it
            with closing(_open(source, "rw")) as original, closing(_open(part, "rw")) as copy:
                original.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # a single file, which says so
                version = _look_through(copy, source)
            size = part.stat().st_size
            _refuse_to_replace(path, source, replace=replace)  # it may have appeared meanwhile
            part.replace(path)
        _settle(path.parent)
    print(
        f"Backed up {source} to {path}: {size} bytes, tables of version {version}, looked through."
    )


def restore(settings: Settings, path: Path, *, replace: bool) -> None:
    """Put a backup in the place of the database of a service that does not run, and print what was restored.

    An older version of the tables is brought to this one's by the next command that opens the database. Raises
    CommandError for a backup that is damaged, another program's or of a newer version, for a database that holds
    something, unless it may be replaced, or is in use, and for PostgreSQL, whose own programs do it. Then
    nothing has changed.
    """
    if settings.database.startswith(POSTGRES):
        load = ("pg_restore", "--no-owner", "--exit-on-error", "--single-transaction")
        raise CommandError(
            "A PostgreSQL database is restored by its own program; make an empty one, set BMTC_DATABASE_URL to it, and"
            f" run `{_command(settings, *load, path=path)}` (it asks for the password)."
        )
    target = _file_of(settings)
    if not path.is_file():
        raise CommandError(f"There is no backup {path}; name a file that `backup` has written.")
    if target.exists() and target.samefile(path):
        raise CommandError(f"{path} is the database itself; name a backup of it.")
    with _one_sentence(f"The backup {path} cannot be read"), closing(_open(path, "ro")) as backup:
        version = _look_through(backup, path)
        if version not in versions():
            raise CommandError(
                f"The backup {path} has tables of version {version}, and this service knows them up to"
                f" {versions()[-1]}; restore it with the service that wrote it, or a newer one."
            )
        _copy_into(target, backup, path, replace=replace)
    print(f"Restored {target} from {path}: tables of version {version}.")


def _copy_into(target: Path, backup: sqlite3.Connection, path: Path, *, replace: bool) -> None:
    with (
        _one_sentence(f"The database {target} cannot be restored from {path}"),
        _whole_or_none(target),
        closing(_open(target, "rwc")) as own,
    ):
        _take_alone(own, target)
        if not replace:
            _require_empty(own, target)
        backup.backup(own)


@contextmanager
def _whole_or_none(target: Path) -> Iterator[None]:
    """Take a file away again that was made inside the block, when the block fails."""
    new = not target.exists()
    try:
        yield
    except BaseException:
        if new:
            target.unlink(missing_ok=True)
        raise


def _require_empty(connection: sqlite3.Connection, target: Path) -> None:
    if connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise CommandError(
            f"The database {target} holds something already; name another one in BMTC_DB_PATH, or say"
            " --replace to lose it."
        )


def _take_alone(connection: sqlite3.Connection, target: Path) -> None:
    """Lock a database until the connection is closed; CommandError when anybody else has it open.

    A running service would go on with what it remembers of the old one.
    """
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as problem:
        if problem.sqlite_errorcode & PRIMARY_CODE != sqlite3.SQLITE_BUSY:
            raise
        raise CommandError(f"The database {target} is in use; stop the service first.") from problem


def _look_through(connection: sqlite3.Connection, place: Path) -> str:
    """Return the version of the tables; CommandError when SQLite finds damage, or no tables of this service."""
    damage = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    if damage == "ok" and connection.execute("PRAGMA foreign_key_check").fetchone():
        damage = "a row refers to one that is not there"
    if damage != "ok":
        told = " ".join(damage.split())
        raise CommandError(f"{place} is damaged ({told}); go back to an older backup.")
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if "alembic_version" in tables:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        if row is not None:
            return str(row[0])
    elif connection.execute("PRAGMA user_version").fetchone() == (1,):
        return FIRST
    raise CommandError(f"{place} holds no tables of this service; name another file.")


def _refuse_to_replace(path: Path, source: Path, *, replace: bool) -> None:
    if path.exists():
        if path.samefile(source):
            raise CommandError(f"{path} is the database itself; name another file.")
        if not replace:
            raise CommandError(f"{path} exists already; name another file, or say --replace.")


def _file_of(settings: Settings) -> Path:
    require_file(settings)
    return Path(settings.database)


def _open(path: Path, mode: str) -> sqlite3.Connection:
    # timeout=0: who is in the way of a restore stays there; a copy of a WAL database waits for nobody.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=0, isolation_level=None
    )


def _settle(folder: Path) -> None:
    """Make sure that a new name outlives a power failure."""
    if os.name == "posix":  # elsewhere a folder cannot be opened
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _command(settings: Settings, *words: str, path: Path | None = None) -> str:
    """Write a command for the database of a PostgreSQL server, as a shell reads it, without a password."""
    url = read_address(settings.database)
    query = url.difference_update_query(PASSWORDS).query
    address = URL.create(
        url.drivername, url.username, None, url.host, url.port, url.database, query
    )
    dbname = f"--dbname={address.render_as_string()}"
    return shlex.join([*words, dbname, *([] if path is None else [str(path)])])


@contextmanager
def _one_sentence(what: str) -> Iterator[None]:
    """Turn what SQLite or the system says into a CommandError that begins so."""
    try:
        yield
    except (sqlite3.Error, OSError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise CommandError(
            f"{what}: {reason}; check the file, its folder and the space left."
        ) from problem
