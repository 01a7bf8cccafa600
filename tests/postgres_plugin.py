"""What `--database postgres` adds to a run: a server, a template database per worker, a database per test.

With pytest-xdist the controller starts the server and tells the workers its address. `tests/conftest.py` loads this
for that option alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest
from sqlalchemy import URL, Connection, column, create_engine, func, make_url, select, table
from sqlalchemy.pool import NullPool

from backend.core.storage import open_database
from tests import postgres

SERVER = pytest.StashKey[postgres.Server]()
PROGRAMS = pytest.StashKey[Path]()
MILLISECONDS_TO_END = 10_000  # for connections that are told to
ADDRESS = "postgres_address"  # in what the controller of pytest-xdist hands to a worker


class Node(Protocol):
    """As much of a worker, seen by the controller, as is needed here."""

    config: pytest.Config
    workerinput: dict[str, object]


@dataclass(frozen=True, slots=True)
class Databases:
    """Makes databases on a server; nothing stays open between two calls."""

    address: str

    def url(self, name: str) -> URL:
        """Return the address of a database of this server."""
        return make_url(self.address).set(database=name)

    def execute(self, *statements: str) -> None:
        """Run statements on the maintenance database, each by itself, as making databases asks for."""
        with self._connected() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def _connected(self) -> Connection:
        engine = create_engine(
            make_url(self.address).set(drivername="postgresql+psycopg"),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
        )
        return engine.connect()

    @contextmanager
    def new(self, template: str = "template0") -> Iterator[str]:
        """Make a database, give its address, and drop it afterwards."""
        name = f"test_{uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name).render_as_string(hide_password=False)
        finally:
            # FORCE: a connection that the test has closed may still be on its way out at the server.
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def disconnect(self, address: str) -> None:
        """End every connection to a database, at the server's side."""
        end = func.pg_terminate_backend(column("pid"), MILLISECONDS_TO_END)
        here = column("datname") == make_url(address).database
        with self._connected() as connection:
            connection.execute(select(end).select_from(table("pg_stat_activity")).where(here))

    def new_template(self) -> str:
        """Make a migrated database, which nobody can connect to from then on, and return its name."""
        name = f"template_{uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        database = open_database(self.url(name).render_as_string(hide_password=False))
        try:
            database.migrate()
        finally:
            database.close()
        self.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        return name


def pytest_configure(config: pytest.Config) -> None:
    """See at once whether there is a server to start."""
    if not _is_worker(config):
        try:
            config.stash[PROGRAMS] = postgres.find_programs()
        except postgres.NoServerError as problem:
            raise pytest.UsageError(str(problem)) from None


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist starts its workers
def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the server, once per run."""
    config = session.config
    if not _is_worker(config) and not config.getoption("collectonly"):
        try:
            config.stash[SERVER] = postgres.start(config.stash[PROGRAMS])
        except postgres.NoServerError as problem:
            raise pytest.UsageError(str(problem)) from None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Node) -> None:
    """Tell a worker where the server is."""
    if (server := node.config.stash.get(SERVER, None)) is not None:
        node.workerinput[ADDRESS] = server.address


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server, however the run has ended."""
    if (server := config.stash.get(SERVER, None)) is not None:
        server.stop()


@pytest.fixture(scope="session")
def postgres_databases(pytestconfig: pytest.Config) -> Databases:
    """Give the maker of databases on the run's server."""
    given: dict[str, str] | None = getattr(pytestconfig, "workerinput", None)
    return Databases(given[ADDRESS] if given else pytestconfig.stash[SERVER].address)


@pytest.fixture(scope="session")
def postgres_template(postgres_databases: Databases) -> str:
    """Give the name of this worker's migrated, empty database."""
    return postgres_databases.new_template()


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")
