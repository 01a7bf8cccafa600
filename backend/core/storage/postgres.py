"""PostgreSQL, for when one writer at a time is not enough.

Readers see one state (REPEATABLE READ), writers what was committed last (READ COMMITTED). What a
writer reads and then changes it claims first: an advisory lock per name, to the end of the
transaction (PostgreSQL manual, section 13.3.5). So two rides over different segments are learned at
the same time, and two over the same one after the other.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import URL, Connection, Engine, Table, create_engine, func, select
from sqlalchemy.dialects.postgresql import Insert, insert

CONNECTIONS = 8
CONNECT_SECONDS = 10
LOCK_TIMEOUT = "30s"
EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A database of a PostgreSQL server."""

    url: URL

    @property
    def place(self) -> str:
        """The address, without the password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def one_writer(self) -> bool:
        """As many as there are claims that differ."""
        return False

    @property
    def remedy(self) -> str:
        """What most often is wrong."""
        return "check that the server runs, answers and has space left, and try again"

    @property
    def choices(self) -> str:
        """Another address."""
        return "set BMTC_DATABASE_URL to a database that exists, with a user who may use it"

    def engine(self) -> Engine:
        """Make an engine; a connection that the server has given up is replaced when it is asked for."""
        return create_engine(
            self.url.set(drivername="postgresql+psycopg"),
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "options": f"-c lock_timeout={LOCK_TIMEOUT} -c timezone=UTC",
            },
        )

    def begin(self, connection: Connection, *, writing: bool) -> None:
        """Say what the transaction, which SQLAlchemy has begun, may do and sees."""
        mode = "READ COMMITTED, READ WRITE" if writing else "REPEATABLE READ, READ ONLY"
        connection.exec_driver_sql(f"SET TRANSACTION ISOLATION LEVEL {mode}")

    def claim(self, connection: Connection, names: Iterable[str]) -> None:
        """Lock the names, all in one order, so that two writers never wait for each other in a circle."""
        share = func.pg_advisory_xact_lock_shared
        connection.execute(select(share(func.hashtextextended(EVERYTHING, 0))))
        for name in sorted(set(names)):
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))

    def claim_everything(self, connection: Connection) -> None:
        """Lock, for itself alone, what everybody who claims something shares."""
        everything = func.hashtextextended(EVERYTHING, 0)
        connection.execute(select(func.pg_advisory_xact_lock(everything)))

    def made_before_versions(self, connection: Connection) -> bool:  # noqa: ARG002 - the protocol says so
        """Say no: the first ones were SQLite's alone."""
        return False

    def insert(self, table: Table) -> Insert:
        """Say it as PostgreSQL does."""
        return insert(table)
