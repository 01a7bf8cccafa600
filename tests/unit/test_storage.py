"""One database: its transactions, its rules, its end."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Self

import pytest
from sqlalchemy import create_engine, func, insert, make_url, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import QueuePool

from backend.core.errors import DatabaseError
from backend.core.settings import MEMORY
from backend.core.storage import Database, Transaction, open_database, postgres, sqlite
from backend.core.storage.postgres import Postgres
from backend.core.storage.schema import VERSION, build_schema
from backend.core.storage.sqlite import Sqlite, write_ahead
from backend.core.storage.statements import Statements
from tests.factories import START, make_device


def add_ride(tx: Transaction, received_at: datetime = START) -> None:
    tx.execute(
        insert(tx.schema.rides),
        {"device": make_device(), "route_id": None, "received_at": received_at},
    )


def count_rides(database: Database) -> int:
    with database.reading() as tx:
        return int(tx.execute(select(func.count()).select_from(tx.schema.rides)).scalar_one())


def test_what_is_written_is_read_afterwards(database: Database) -> None:
    with database.writing() as tx:
        add_ride(tx)
    assert count_rides(database) == 1


def test_a_failing_block_leaves_nothing_behind(database: Database) -> None:
    def break_off() -> None:
        with database.writing() as tx:
            add_ride(tx)
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        break_off()
    assert count_rides(database) == 0


def test_the_revision_tells_that_anybody_committed_anything(tmp_path: Path) -> None:
    """This database or another one of the same file; not that it was read, or that a transaction came to nothing."""
    with opened(tmp_path) as one, opened(tmp_path) as other:
        begun = one.revision()
        assert begun is not None
        count_rides(one)
        with suppress(RuntimeError), one.writing() as tx:
            add_ride(tx)
            raise RuntimeError("half way")
        assert one.revision() == begun

        seen: list[int | None] = [begun]
        for each in (one, other):
            with each.writing() as tx:
                add_ride(tx)
            seen.append(one.revision())
        assert len(set(seen)) == 3


def test_a_revision_that_cannot_be_told_is_none(database: Database, tmp_path: Path) -> None:
    """A database in memory has no second connection, and a closed one none at all."""
    with opened(tmp_path) as file:
        assert file.revision() is not None

    assert file.revision() is None
    assert database.revision() is None


@contextmanager
def opened(folder: Path) -> Iterator[Database]:
    """Open a file with tables, and close it."""
    database = open_database(str(folder / "rides.sqlite3"))
    try:
        database.migrate()
        yield database
    finally:
        database.close()


def test_foreign_keys_are_enforced(database: Database) -> None:
    with pytest.raises(IntegrityError, match="FOREIGN KEY"), database.writing() as tx:
        tx.execute(
            insert(tx.schema.timetable),
            {"feed": 404, "segment": 404, "bin": 0, "mean_seconds": 1.0, "departures": 1},
        )


def test_two_databases_in_memory_share_nothing(database: Database) -> None:
    other = open_database(MEMORY)
    try:
        other.migrate()
        with other.writing() as tx:
            add_ride(tx)
        assert (count_rides(database), count_rides(other)) == (0, 1)
    finally:
        other.close()
    assert database.schema.metadata is not other.schema.metadata


def test_threads_take_turns_on_a_database_in_memory(database: Database) -> None:
    def write() -> None:
        for _ in range(5):
            with database.writing() as tx:
                add_ride(tx)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count_rides(database) == 20


def test_migrating_twice_changes_nothing(database: Database) -> None:
    with database.writing() as tx:
        add_ride(tx)
    database.migrate()
    assert count_rides(database) == 1


def test_every_table_of_the_schema_exists_after_migrating(database: Database) -> None:
    with database.reading() as tx:
        names = set(
            tx.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
        )
    assert names == set(build_schema().metadata.tables)
    assert database.version() == VERSION


def test_a_newer_version_is_refused(database: Database) -> None:
    with database.writing() as tx:
        tx.execute(update(tx.schema.version).values(version_num="9999"))
    with pytest.raises(DatabaseError) as refusal:
        database.migrate()
    assert str(refusal.value) == (
        f"The database :memory: has version 9999, this service knows versions up to {VERSION}; "
        "run a newer service or choose another database."
    )


def test_tables_of_another_program_are_refused_and_left_alone() -> None:
    database = open_database(MEMORY)
    try:
        with database.writing() as tx:
            tx.execute(text("CREATE TABLE recipes (name TEXT)"))
        with pytest.raises(DatabaseError, match="tables of another program"):
            database.migrate()
        with database.reading() as tx:
            assert tx.execute(text("SELECT name FROM sqlite_master")).scalars().all() == ["recipes"]
    finally:
        database.close()


def test_a_failing_statement_is_told_in_a_sentence(database: Database) -> None:
    with pytest.raises(DatabaseError) as failure, database.reading() as tx:
        tx.execute(text("SELECT * FROM nowhere"))
    assert str(failure.value) == (
        "The database :memory: failed: no such table: nowhere; "
        "check the file, its folder and the space left, and try again."
    )


def test_a_closed_database_answers_no_more(database: Database) -> None:
    """A new connection would otherwise open another, empty, database in memory."""
    database.close()
    database.close()
    with pytest.raises(DatabaseError, match="is closed"):
        database.ping()
    with pytest.raises(DatabaseError, match="is closed"), database.writing():
        pass  # pragma: no cover - never reached


def test_waiting_too_long_for_a_connection_is_told_in_a_sentence() -> None:
    engine = create_engine(
        "sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.01
    )
    database = Database(Sqlite(MEMORY), engine, Statements(build_schema()))
    try:
        with database.reading(), pytest.raises(DatabaseError, match="too busy"):
            database.ping()
    finally:
        database.close()


def test_a_writer_whose_turn_does_not_come_gives_up(tmp_path: Path) -> None:
    """However many wait before it, it waits as long as for the file itself, and keeps no connection."""
    dialect = Sqlite(str(tmp_path / "busy.sqlite3"), patience=0.01)
    database = Database(dialect, dialect.engine(), Statements(build_schema()))
    try:
        with database.writing():
            with pytest.raises(DatabaseError, match="too busy: others have been writing"):
                database.migrate()
            assert database.busy_connections == 1
        database.migrate()
    finally:
        database.close()


def test_a_file_that_somebody_else_is_writing_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "busy.sqlite3"
    dialect = Sqlite(str(path), patience=0.01)
    database = Database(dialect, dialect.engine(), Statements(build_schema()))
    try:
        database.migrate()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseError, match="database is locked"), database.writing():
                pytest.fail("there are two writers")
    finally:
        database.close()


def test_writers_leave_connections_to_readers() -> None:
    assert Sqlite("file").writers < sqlite.CONNECTIONS
    assert Postgres(make_url("postgresql://host/times")).writers < postgres.CONNECTIONS


def test_running_transactions_are_counted(database: Database) -> None:
    with database.reading():
        assert database.busy_connections == 1
    assert database.busy_connections == 0


@pytest.mark.parametrize(
    "moment",
    [
        START,
        START + timedelta(microseconds=1),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 3, 4, 9, 0, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    ],
)
def test_moments_are_kept_to_the_microsecond_and_come_back_in_utc(
    database: Database, moment: datetime
) -> None:
    with database.writing() as tx:
        add_ride(tx, received_at=moment)
        (found,) = tx.execute(select(tx.schema.rides.c.received_at)).scalars()
    assert found == moment
    assert found.tzinfo is UTC


def test_the_latest_of_no_moments_is_none(database: Database) -> None:
    """What SQL answers about nothing comes back as nothing, and not as the year 1970."""
    with database.reading() as tx:
        latest = tx.execute(select(func.max(tx.schema.rides.c.received_at))).scalar_one()
    assert latest is None


def test_a_ride_without_a_moment_is_refused_by_the_table(database: Database) -> None:
    """No moment is stored as no number, so that NOT NULL can do its work."""
    with pytest.raises(IntegrityError, match="NOT NULL"), database.writing() as tx:
        tx.execute(
            insert(tx.schema.rides),
            {"device": make_device(), "route_id": None, "received_at": None},
        )


class BusyAtFirst(sqlite3.Cursor):
    """A cursor on a database that somebody else is about to open, for as many tries as it is told."""

    tries = 2

    def execute(self, sql: str, parameters: Any = (), /) -> Self:  # noqa: ANN401 - as in the base class
        if self.tries:
            self.tries -= 1
            raise locked()
        super().execute(sql, parameters)
        return self


def locked() -> sqlite3.OperationalError:
    """Return the very error that SQLite gives."""
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


def test_a_file_that_others_are_opening_is_waited_for(tmp_path: Path) -> None:
    """SQLite does not wait for the write-ahead log by itself; we do, until it is there."""
    with closing(sqlite3.connect(tmp_path / "new.sqlite3")) as connection:
        cursor = connection.cursor(BusyAtFirst)
        write_ahead(cursor)
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        cursor.close()


class Broken(sqlite3.Cursor):
    """A cursor on a disk that is broken."""

    def execute(self, sql: str, parameters: Any = (), /) -> Self:  # noqa: ANN401, ARG002 - as in the base class
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error


def test_a_failure_that_waiting_does_not_mend_is_not_waited_for() -> None:
    """Only where somebody else has the file does it help to try again."""
    with closing(sqlite3.connect(MEMORY)) as connection:
        cursor = connection.cursor(Broken)
        with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
            write_ahead(cursor)
        cursor.close()
