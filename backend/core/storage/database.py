"""An open database and its transactions.

Each `Database` owns its engine and its connections; two of them share nothing but tables that they were both given,
not even when both are `:memory:`.
"""

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    Connection,
    CursorResult,
    Engine,
    Executable,
    FromClause,
    Table,
    Text,
    and_,
    bindparam,
    exc,
    insert,
    inspect,
    select,
)
from sqlalchemy.pool import QueuePool

from backend.core.errors import DatabaseError
from backend.core.settings import POSTGRES
from backend.core.storage.dialect import Dialect, Revisions
from backend.core.storage.postgres import Postgres, read_address
from backend.core.storage.schema import VERSION, Schema, build_schema
from backend.core.storage.sqlite import Sqlite
from backend.core.storage.statements import Build, Statements

BASE = "base"
"""The version of a database without tables."""
FIRST = "0001"
"""The version of databases that were made before versions had names."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """What a store function needs: the connection of the running transaction, and the tables."""

    connection: Connection
    dialect: Dialect
    statements: Statements

    @property
    def schema(self) -> Schema:
        """The tables."""
        return self.statements.schema

    def execute(
        self,
        statement: Executable | Build,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[Any]:
        """Run one statement, once per set of parameters; given a function that builds it, build it once for all."""
        if not isinstance(statement, Executable):
            statement = self.statements.built(statement)
        return self.connection.execute(statement, parameters)

    def claim(self, *names: str) -> None:
        """Keep other writers away from what has these names, until the end of the transaction.

        Who reads something in order to change it claims it first; one call for all that is needed.
        """
        self.dialect.claim(self.connection, names)

    def claim_everything(self) -> None:
        """Keep all other writers away until the end of the transaction; readers go on."""
        self.dialect.claim_everything(self.connection)

    def joined_by_key(self, table: Table, *names: str) -> FromClause:
        """Join a table with the keys that are asked for (see `keys_parameter`), by the columns with these names.

        An index has to begin with them. So each row is looked up by its whole key: asked for with `(a, b) IN
        (VALUES ...)`, SQLite reads the table, and with `a IN ... AND b IN ...` every a with every b is found.
        """
        asked = self.dialect.rows_of(
            bindparam("keys", type_=Text), [table.c[name] for name in names]
        )
        return table.join(asked, and_(*(table.c[name] == asked.c[name] for name in names)))

    def upsert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows; each takes the place of the one that has its primary key."""
        if not rows:
            return

        def build() -> Executable:
            statement = self.dialect.insert(table)
            key = table.primary_key.columns.keys()
            changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
            return statement.on_conflict_do_update(index_elements=key, set_=changed)

        self.execute(self.statements.kept(("upsert", table, *rows[0]), build), rows)

    def insert_new(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, one at least, but for those that are there already."""
        self.execute(self.dialect.insert(table).on_conflict_do_nothing(), rows)


@dataclass(frozen=True, eq=False)
class Database:
    """An open database; made by `open_database`, ended by `close`."""

    dialect: Dialect
    engine: Engine
    statements: Statements
    _turns: threading.Semaphore = field(init=False)
    _revisions: Revisions = field(init=False)
    _closed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Make as many turns as the dialect has, and what tells its revisions."""
        object.__setattr__(self, "_turns", threading.BoundedSemaphore(self.dialect.writers))
        object.__setattr__(self, "_revisions", self.dialect.revisions())

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return self.dialect.place

    @property
    def schema(self) -> Schema:
        """The tables."""
        return self.statements.schema

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Give a transaction that sees one unchanging state of the database.

        Do not ask for a second one inside it: `:memory:` has a single connection, and threads
        take turns on it. Raises DatabaseError when the database fails.
        """
        with self._transaction(writing=False) as transaction:
            yield transaction

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Give a transaction of which all is kept, or nothing.

        Nobody else writes what it has claimed (see `Transaction.claim`). It commits at the end of the
        `with` block and rolls back when the block raises. Do not ask for a second one inside it.
        Raises DatabaseError when the database fails.
        """
        with self._turn(), self._transaction(writing=True) as transaction:
            yield transaction

    def migrate(self, to: str = VERSION) -> None:
        """Bring the tables to a version, up or down; several processes may do so at once.

        Raises DatabaseError for tables of a newer version, or of somebody else.
        """
        with self.writing() as tx:
            tx.claim("tables")
            version = self._version(tx)
            if version == to:
                return
            if version == BASE and to == VERSION:
                tx.schema.metadata.create_all(tx.connection)
                tx.execute(insert(tx.schema.version), {"version_num": VERSION})
                return
            # Seldom needed, and it takes as long to import as all the rest of the storage.
            from backend.core.storage.migrating import change_version, versions  # noqa: PLC0415

            if version not in (BASE, *versions()):
                raise DatabaseError(
                    f"The database {self.place} has version {version}, this service knows versions "
                    f"up to {VERSION}; run a newer service or choose another database."
                )
            change_version(tx.connection, version, to)

    def version(self) -> str:
        """Return the version of the tables; `base` where there are none.

        Raises DatabaseError for tables of somebody else.
        """
        with self.reading() as tx:
            return self._version(tx)

    def _version(self, tx: Transaction) -> str:
        names = set(inspect(tx.connection).get_table_names())
        if tx.schema.version.name in names:
            return str(tx.execute(select(tx.schema.version)).scalar_one_or_none() or BASE)
        if not names:
            return BASE
        if self.dialect.made_before_versions(tx.connection):
            return FIRST
        raise DatabaseError(
            f"The database {self.place} holds tables of another program; choose another database."
        )

    def ping(self) -> None:
        """Read from the database; DatabaseError when it does not answer."""
        with self.reading() as tx:
            tx.connection.exec_driver_sql("SELECT 1").scalar_one()

    def revision(self) -> int | None:
        """Return a number that is another one as soon as anybody has committed anything; None where nobody can tell.

        Never waits: what was read since it was this number holds as long as it is.
        """
        return None if self._closed.is_set() else self._revisions.now()

    @property
    def busy_connections(self) -> int:
        """How many transactions are running at this moment."""
        pool = self.engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    def close(self) -> None:
        """Close every handle; a `:memory:` database ends. Closing twice is harmless."""
        self._closed.set()
        self._revisions.close()
        self.engine.dispose()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until one more may write, all in one queue, so that each waits no longer than the dialect says.

        Without a connection, which readers may need. And SQLite lets writers wait by polling, with sleeps.
        """
        patience = self.dialect.patience
        if not self._turns.acquire(timeout=patience):
            raise DatabaseError(
                f"The database {self.place} is too busy: others have been writing for {patience:g} s; try again."
            )
        try:
            yield
        finally:
            self._turns.release()

    @contextmanager
    def _transaction(self, *, writing: bool) -> Iterator[Transaction]:
        if self._closed.is_set():
            # The pool would open a new connection: for `:memory:`, to an empty database.
            raise DatabaseError(f"The database {self.place} is closed; open it again to use it.")
        try:
            with self.engine.begin() as connection:
                self.dialect.begin(connection, writing=writing)
                yield Transaction(connection, self.dialect, self.statements)
        except exc.TimeoutError as error:
            raise DatabaseError(
                f"The database {self.place} is too busy: all its connections are in use; try again."
            ) from error
        except exc.DBAPIError as error:
            if self.dialect.is_mistake(error):
                raise
            reason = self.dialect.reason(error)
            raise DatabaseError(
                f"The database {self.place} failed: {reason}; {self.dialect.remedy}."
            ) from error


def keys_parameter(keys: Iterable[Sequence[str | int]]) -> dict[str, str]:
    """Return the parameter of a statement with `Transaction.joined_by_key`: what is asked for, nothing of it twice."""
    return {"keys": json.dumps([*dict.fromkeys(map(tuple, keys))])}


def open_database(address: str, schema: Schema | None = None) -> Database:
    """Open a SQLite file, created if missing, `:memory:`, or a database of a PostgreSQL server (`postgresql://...`).

    Who opens many may give all of them one set of tables, which nobody changes; otherwise it gets its own.
    Raises DatabaseError when the folder is missing, access is denied, the file is no database, or no server answers.
    """
    dialect = Postgres(read_address(address)) if address.startswith(POSTGRES) else Sqlite(address)
    database = Database(dialect, dialect.engine(), Statements(schema or build_schema()))
    try:
        database.ping()
    except DatabaseError as error:
        database.close()
        cause = error.__cause__
        reason = dialect.reason(cause) if isinstance(cause, exc.DBAPIError) else error
        raise DatabaseError(
            f"The database {database.place} cannot be opened: {reason}; {dialect.choices}."
        ) from error
    return database
