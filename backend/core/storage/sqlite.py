"""SQLite: a file, or `:memory:`.

Every transaction is begun by hand (`BEGIN` or `BEGIN IMMEDIATE`), because sqlite3's own habit of
beginning late lets two writers read the same state and lose an update.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    Connection,
    Engine,
    FromClause,
    Table,
    create_engine,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, ProgrammingError
from sqlalchemy.pool import QueuePool

from backend.core.errors import DatabaseError
from backend.core.settings import MEMORY
from backend.core.storage.dialect import Revisions, UnknownRevisions

AWAY = "put the file itself back, or stop the service and restore a backup"
PATIENCE = 30.0  # s
SECONDS_BETWEEN_TRIES = 0.005
PRIMARY_CODE = 0xFF  # of an SQLite error; the higher bits say more exactly which
CONNECTIONS = 8
CHECKPOINT_PAGES = 4000
"""After as many pages (16 MiB) the log is copied into the file, for which a rider waits. A ride writes some fifty
pages, most of them those of the ride before it: the longer the log, the fewer of them are copied."""


class NamedFile:
    """Which file a name stood for when it was opened: SQLite goes on with one that has lost its name."""

    def __init__(self) -> None:
        self._identity: tuple[int, int] | None = None

    def note(self, path: str) -> None:
        """Note the file, at the first time; raise DatabaseError where it is another one by then.

        What is no file's name - a URI, a temporary database - is noted as nothing, and never missed.
        """
        if self._identity is None:
            with suppress(OSError):
                self._identity = _identity(path)
        self.check(path)

    def check(self, path: str) -> None:
        """Raise DatabaseError where the name stands no longer for the file that was noted."""
        if self._identity is None:
            return
        try:
            same = _identity(path) == self._identity
        except OSError as problem:
            raise DatabaseError(
                f"The file of the database {path} is not there any more ({problem.strerror}); {AWAY}."
            ) from problem
        if not same:
            raise DatabaseError(f"Another file has the name of the database {path} now; {AWAY}.")


@dataclass(frozen=True, slots=True)
class Sqlite:
    """A SQLite file, created if missing, or a database in memory that is nobody else's."""

    path: str
    patience: float = PATIENCE
    file: NamedFile = field(init=False, compare=False, repr=False, default_factory=NamedFile)

    @property
    def place(self) -> str:
        """The file."""
        return self.path

    @property
    def writers(self) -> int:
        """SQLite has one."""
        return 1

    @property
    def remedy(self) -> str:
        """What most often is wrong."""
        return "check the file, its folder and the space left, and try again"

    @property
    def choices(self) -> str:
        """Another file."""
        return "choose a SQLite file, or a new one in a folder that exists and may be written"

    def engine(self) -> Engine:
        """Make an engine; `:memory:` has a single connection, since a second one would be another database."""
        return create_engine(
            "sqlite://",
            hide_parameters=True,  # of statements, in errors: they come from requests
            creator=self._connect,
            poolclass=QueuePool,
            pool_size=1 if self.path == MEMORY else CONNECTIONS,
            max_overflow=0,
            # The connection that was used last: what it has read is forgotten as soon as another one has written.
            pool_use_lifo=True,
        )

    def revisions(self) -> Revisions:
        """Count what is committed to the file; `:memory:` has no second connection that could."""
        return UnknownRevisions() if self.path == MEMORY else FileRevisions(self.path, self.file)

    def is_mistake(self, error: DBAPIError) -> bool:
        """Tell a broken rule of the tables, or a wrong use of sqlite3."""
        return isinstance(error, IntegrityError | InterfaceError | ProgrammingError)

    def reason(self, error: DBAPIError) -> str:
        """Return SQLite's words."""
        return str(error.orig)

    def begin(self, connection: Connection, *, writing: bool) -> None:
        """Begin; who writes takes the only place for writers at once.

        Raises DatabaseError where the file has lost its name: what is written would be gone with the last connection.
        """
        self.file.check(self.path)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    def claim(self, connection: Connection, names: Iterable[str]) -> None:
        """Do nothing: who writes is alone anyhow."""

    def claim_everything(self, connection: Connection) -> None:
        """Do nothing, for the same reason."""

    def made_before_versions(self, connection: Connection) -> bool:
        """See whether SQLite's `user_version` says 1."""
        return bool(connection.exec_driver_sql("PRAGMA user_version").scalar_one() == 1)

    def insert(self, table: Table) -> Insert:
        """Say it as SQLite does."""
        return insert(table)

    def rows_of(self, given: BindParameter[str], columns: Sequence[Column[Any]]) -> FromClause:
        """Let SQLite read the JSON (https://sqlite.org/json1.html#jeach)."""
        row = func.json_each(given).table_valued("value", name="listed").c.value
        return select(
            *(
                func.json_extract(row, f"$[{place}]").label(column.name)
                for place, column in enumerate(columns)
            )
        ).subquery()

    def _connect(self) -> sqlite3.Connection:
        """Connect to the file that was opened first, and to no other: its log would be taken for that one's.

        Raises DatabaseError where that is impossible.
        """
        self.file.check(self.path)
        connection = _connect(self.path, self.patience)
        try:
            self.file.note(self.path)
        except DatabaseError:
            connection.close()
            raise
        return connection


class FileRevisions:
    """Asks a connection that never writes: `PRAGMA data_version` (https://sqlite.org/pragma.html#pragma_data_version).

    Of one connection, two of its values are the same only where no other has committed anything in between, in this
    process or in any other. It looks at memory that they share, and at no page of the file.
    """

    def __init__(self, path: str, file: NamedFile) -> None:
        self._path = path
        self._file = file
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def now(self) -> int | None:
        """Return the number; None where the file is locked, as in the moment of a recovery, or has lost its name."""
        with self._lock:
            try:
                self._file.check(self._path)
                if self._connection is None:
                    self._connection = sqlite3.connect(
                        self._path, timeout=0, isolation_level=None, check_same_thread=False
                    )
                (number,) = self._connection.execute("PRAGMA data_version").fetchone()
            except (sqlite3.Error, DatabaseError):
                return None
            return int(number)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()


def _identity(path: str) -> tuple[int, int]:
    """Return what no other file has, as long as this one is there or open."""
    found = os.stat(path)  # noqa: PTH116 - before each transaction, and to make a Path takes three times as long
    return found.st_dev, found.st_ino


def _connect(path: str, patience: float) -> sqlite3.Connection:
    # isolation_level=None: sqlite3 begins nothing by itself. (`autocommit` would need Python 3.12.)
    connection = sqlite3.connect(
        path, timeout=patience, isolation_level=None, check_same_thread=False
    )
    try:
        with closing(connection.cursor()) as cursor:
            cursor.execute("PRAGMA foreign_keys = ON")
            write_ahead(cursor, patience)
            cursor.execute("PRAGMA synchronous = NORMAL")  # safe under WAL: no corruption
            cursor.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    except BaseException:  # whatever went wrong, no handle may stay open
        connection.close()
        raise
    return connection


def write_ahead(cursor: sqlite3.Cursor, patience: float = PATIENCE) -> None:
    """Switch to the write-ahead log; `:memory:` keeps its own mode.

    Where several open a new file at once, SQLite answers all but one "database is locked" without
    the wait that every other statement has (https://sqlite.org/c3ref/busy_handler.html: the busy
    handler is not called where that could be a deadlock), so the wait is done here.
    """
    give_up = time.monotonic() + patience
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            locked = error.sqlite_errorcode & PRIMARY_CODE == sqlite3.SQLITE_BUSY
            if not locked or time.monotonic() >= give_up:
                raise
            time.sleep(SECONDS_BETWEEN_TRIES)
        else:
            return
