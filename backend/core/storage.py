"""One SQLite database: opening, transactions, closing.

Each `Database` owns its engine, its tables and its connections; two of them share nothing, not even
when both are `:memory:`. Every transaction is begun by hand (`BEGIN` or `BEGIN IMMEDIATE`), because
sqlite3's own habit of beginning late lets two writers read the same state and lose an update.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Executable, create_engine, exc
from sqlalchemy.pool import QueuePool

from backend.core.errors import DatabaseError
from backend.core.schema import VERSION, Schema, build_schema
from backend.core.settings import MEMORY

BUSY_TIMEOUT_MS = 30_000
SECONDS_BETWEEN_TRIES = 0.005
PRIMARY_CODE = 0xFF  # of an SQLite error; the higher bits say more exactly which
CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Transaction:
    """What a store function needs: the connection of the running transaction, and the tables."""

    connection: Connection
    schema: Schema

    def execute(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[Any]:
        """Run one statement, once per set of parameters."""
        return self.connection.execute(statement, parameters)


@dataclass(frozen=True, eq=False)
class Database:
    """An open database; made by `open_database`, ended by `close`."""

    path: str
    engine: Engine
    schema: Schema = field(default_factory=build_schema)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _closed: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Give a transaction that sees one unchanging state of the database.

        Do not ask for a second one inside it: `:memory:` has a single connection, and threads
        take turns on it. Raises DatabaseError when SQLite fails.
        """
        with self._transaction("BEGIN") as transaction:
            yield transaction

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Give a transaction that nobody else writes beside; all of it is kept, or nothing.

        It commits at the end of the `with` block and rolls back when the block raises. Do not ask
        for a second one inside it. Raises DatabaseError when SQLite fails.
        """
        # SQLite lets writers wait by polling, with sleeps; those of one process queue up here.
        with self._turn, self._transaction("BEGIN IMMEDIATE") as transaction:
            yield transaction

    def migrate(self) -> None:
        """Create the tables where there are none; several processes may do so at once.

        Raises DatabaseError for tables of a newer version, or of somebody else.
        """
        with self.writing() as tx:
            version = int(tx.connection.exec_driver_sql("PRAGMA user_version").scalar_one())
            if version == VERSION:
                return
            if version > VERSION:
                raise DatabaseError(
                    f"The database {self.path} has version {version}, this service knows versions "
                    f"up to {VERSION}; run a newer service or choose another file."
                )
            if tx.connection.exec_driver_sql("SELECT 1 FROM sqlite_master").first() is not None:
                raise DatabaseError(
                    f"The database {self.path} holds tables of another program; "
                    "choose another file."
                )
            self.schema.metadata.create_all(tx.connection)
            tx.connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")

    def ping(self) -> None:
        """Read from the database; DatabaseError when it does not answer."""
        with self.reading() as tx:
            tx.connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()

    @property
    def busy_connections(self) -> int:
        """How many transactions are running at this moment."""
        pool = self.engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    def close(self) -> None:
        """Close every handle; a `:memory:` database ends. Closing twice is harmless."""
        self._closed.set()
        self.engine.dispose()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Transaction]:
        if self._closed.is_set():
            # The pool would open a new connection: for `:memory:`, to an empty database.
            raise DatabaseError(f"The database {self.path} is closed; open it again to use it.")
        try:
            with self.engine.begin() as connection:
                connection.exec_driver_sql(begin)
                yield Transaction(connection, self.schema)
        except (exc.IntegrityError, exc.ProgrammingError):
            raise  # a mistake of ours, not of the machine
        except exc.TimeoutError as error:
            raise DatabaseError(
                f"The database {self.path} is too busy: all its connections are in use; try again."
            ) from error
        except exc.DatabaseError as error:
            raise DatabaseError(
                f"The database {self.path} failed: {error.orig}; "
                "check the file, its folder and the space left, and try again."
            ) from error


def open_database(path: str) -> Database:
    """Open a SQLite file, created if missing, or a new database that lives in memory.

    Raises DatabaseError when the folder is missing, access is denied, or the file is no database.
    """
    engine = create_engine(
        "sqlite://",
        creator=lambda: _connect(path),
        poolclass=QueuePool,
        pool_size=1 if path == MEMORY else CONNECTIONS,
        max_overflow=0,
    )
    database = Database(path, engine)
    try:
        database.ping()
    except DatabaseError as error:
        database.close()
        cause = error.__cause__.orig if isinstance(error.__cause__, exc.DBAPIError) else error
        raise DatabaseError(
            f"The database {path} cannot be opened: {cause}; choose a SQLite file, or a new one "
            "in a folder that exists and may be written."
        ) from error
    return database


def _connect(path: str) -> sqlite3.Connection:
    # isolation_level=None: sqlite3 begins nothing by itself. (`autocommit` would need Python 3.12.)
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
    )
    try:
        with closing(connection.cursor()) as cursor:
            cursor.execute("PRAGMA foreign_keys = ON")
            _write_ahead(cursor)
            cursor.execute("PRAGMA synchronous = NORMAL")  # safe under WAL: no corruption
    except BaseException:  # whatever went wrong, no handle may stay open
        connection.close()
        raise
    return connection


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Switch to the write-ahead log; `:memory:` keeps its own mode.

    Where several open a new file at once, SQLite answers all but one "database is locked" without
    the wait that every other statement has (https://sqlite.org/c3ref/busy_handler.html: the busy
    handler is not called where that could be a deadlock), so the wait is done here.
    """
    give_up = time.monotonic() + BUSY_TIMEOUT_MS / 1000
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
