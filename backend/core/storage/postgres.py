"""PostgreSQL, for when one writer at a time is not enough.

Readers see one state (REPEATABLE READ), writers what was committed last (READ COMMITTED). What a
writer reads and then changes it claims first: an advisory lock per name, to the end of the
transaction (PostgreSQL manual, section 13.3.5). So two rides over different segments are learned at
the same time, and two over the same one after the other.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    URL,
    BigInteger,
    BindParameter,
    Column,
    Connection,
    Engine,
    ExceptionContext,
    FromClause,
    Table,
    cast,
    column,
    create_engine,
    event,
    func,
    literal,
    make_url,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, ProgrammingError

from backend.core.errors import DatabaseError
from backend.core.storage.dialect import Revisions, UnknownRevisions

CONNECTIONS = 8
FOR_READERS = 2
CONNECT_SECONDS = 10
PATIENCE = 30.0  # s, for each lock
NOT_ALLOWED = "42501"  # insufficient_privilege (PostgreSQL manual, appendix A)
EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A database of a PostgreSQL server."""

    url: URL
    patience: float = PATIENCE

    @property
    def place(self) -> str:
        """The address, without the password and without options, of which one may be a password too."""
        return self.url.set(query={}).render_as_string(hide_password=True)

    @property
    def writers(self) -> int:
        """All but those connections that are kept for readers."""
        return CONNECTIONS - FOR_READERS

    @property
    def remedy(self) -> str:
        """What most often is wrong."""
        return "check that the server runs, answers and has space left, and try again"

    @property
    def choices(self) -> str:
        """Another address."""
        return (
            "check that its server runs, and set BMTC_DATABASE_URL to a database that exists, "
            "with a user who may use it"
        )

    def revisions(self) -> Revisions:
        """Say nothing: to ask the server takes as long as the question itself."""
        return UnknownRevisions()

    def engine(self) -> Engine:
        """Make an engine; a connection that the server has given up is replaced when it is asked for."""
        try:
            engine = create_engine(
                self.url.set(drivername="postgresql+psycopg"),
                pool_size=CONNECTIONS,
                max_overflow=0,
                pool_pre_ping=True,
                hide_parameters=True,  # of statements, in errors: they come from requests
                connect_args={
                    "connect_timeout": CONNECT_SECONDS,
                    "options": f"-c lock_timeout={self.patience * 1000:.0f} -c timezone=UTC",
                },
            )
        except ImportError as error:
            raise DatabaseError(
                "BMTC_DATABASE_URL needs the package psycopg, which cannot be imported; install it with "
                "`python -m pip install 'psycopg[binary]'`, or unset the variable to use SQLite."
            ) from error
        event.listen(engine, "handle_error", _keep_to_the_point)
        return engine

    def is_mistake(self, error: DBAPIError) -> bool:
        """Tell a broken rule of the tables, or a statement that is none; not a user who may not do it."""
        if isinstance(error, ProgrammingError):
            # Without a statement it is about the options of the address.
            return error.statement is not None and _sqlstate(error) != NOT_ALLOWED
        return isinstance(error, IntegrityError)

    def reason(self, error: DBAPIError) -> str:
        """Return the first line of what the server or psycopg said: the others are hints and repetitions."""
        first, _, _ = str(error.orig).partition("\n")
        return " ".join(first.split()).rstrip(".")

    def begin(self, connection: Connection, *, writing: bool) -> None:
        """Say what the transaction, which SQLAlchemy has begun, may do and sees."""
        mode = "READ COMMITTED, READ WRITE" if writing else "REPEATABLE READ, READ ONLY"
        connection.exec_driver_sql(f"SET TRANSACTION ISOLATION LEVEL {mode}")

    def claim(self, connection: Connection, names: Iterable[str]) -> None:
        """Lock the names, all in one order, so that two writers never wait for each other in a circle."""
        numbers = sorted({_number(name) for name in names})
        # One statement for all of them, since a ride has many segments: `unnest` keeps their order.
        each = func.unnest(literal(numbers, ARRAY(BigInteger))).column_valued()
        share = func.pg_advisory_xact_lock_shared(literal(_number(EVERYTHING), BigInteger))
        connection.execute(select(share, func.pg_advisory_xact_lock(each)))

    def claim_everything(self, connection: Connection) -> None:
        """Lock, for itself alone, what everybody who claims something shares."""
        everything = literal(_number(EVERYTHING), BigInteger)
        connection.execute(select(func.pg_advisory_xact_lock(everything)))

    def made_before_versions(self, connection: Connection) -> bool:  # noqa: ARG002 - the protocol says so
        """Say no: the first ones were SQLite's alone."""
        return False

    def insert(self, table: Table) -> Insert:
        """Say it as PostgreSQL does."""
        return insert(table)

    def rows_of(self, given: BindParameter[str], columns: Sequence[Column[Any]]) -> FromClause:
        """Let PostgreSQL read the JSON (PostgreSQL manual, section 9.16)."""
        listed = func.jsonb_array_elements(cast(given, JSONB))
        row = listed.table_valued(column("value", JSONB), name="listed").render_derived().c.value
        return select(
            *(
                cast(row[place].astext, each.type).label(each.name)
                for place, each in enumerate(columns)
            )
        ).subquery()


def read_address(address: str) -> URL:
    """Read `postgresql://user:password@host/database`; DatabaseError when it cannot be, without a word of it."""
    try:
        return make_url(address)
    except (ArgumentError, ValueError):  # the cause may hold a part of the password
        raise DatabaseError(
            "The address of the database cannot be read; write it as postgresql://user:password@host/database, "
            "special characters of the password by their codes (%40 for @, %2F for /)."
        ) from None


def _number(name: str) -> int:
    """Return the number by which the server knows a claim: 64 bits, so that two names hardly ever share one."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _keep_to_the_point(context: ExceptionContext) -> None:
    """Cut an error down to its first line: the next one quotes values, which come from requests."""
    said = str(context.original_exception)
    point, _, _ = said.partition("\n")
    for error in filter(None, (context.original_exception, context.sqlalchemy_exception)):
        error.args = tuple(str(part).replace(said, point) for part in error.args)


def _sqlstate(error: DBAPIError) -> str | None:
    """Return the server's code for an error; None where psycopg alone has found it."""
    return getattr(error.orig, "sqlstate", None)
