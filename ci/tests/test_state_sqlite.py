"""What tests do to databases is told, and can be undone."""

from __future__ import annotations

import contextlib
import gc
import os
import sqlite3
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from sqlite_scene import SCHEMA, changes, fill, run, seen, undo

from shakeproof.inject.shakeproof_state.sqlite import Databases
from shakeproof.inject.shakeproof_state.tables import MOST_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a database with a few tables."""
    path = tmp_path / "app.sqlite3"
    fill(path)
    return path


@pytest.fixture
def memory() -> Iterator[Callable[[], sqlite3.Connection]]:
    """Give a function that opens a database in memory with the same tables."""
    with contextlib.ExitStack() as stack:

        def connect() -> sqlite3.Connection:
            connection = stack.enter_context(contextlib.closing(sqlite3.connect(":memory:")))
            connection.executescript(SCHEMA)
            return connection

        yield connect


def content(connection: sqlite3.Connection) -> list[str]:
    return list(connection.iterdump())


def content_of(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return content(connection)


def test_another_number_of_rows_is_told(path: Path) -> None:
    probe = Databases(str(path.parent))

    assert seen(probe, lambda: run(path, "INSERT INTO rides VALUES (2, 1)")) == {
        "app.sqlite3: table rides": ("3 rows", "4 rows")
    }


def test_other_rows_of_the_same_number_are_told(path: Path) -> None:
    probe = Databases(str(path.parent))

    assert seen(probe, lambda: run(path, "UPDATE rides SET seconds = 1")) == {
        "app.sqlite3: table rides": ("3 rows", "3 rows, other content")
    }


def test_a_whole_number_is_not_the_same_as_a_broken_one(path: Path) -> None:
    probe = Databases(str(path.parent))

    assert seen(probe, lambda: run(path, "UPDATE rides SET seconds = 60.0 WHERE seconds = 60")) == {
        "app.sqlite3: table rides": ("3 rows", "3 rows, other content")
    }


def test_rows_that_are_gone_again_are_no_change(path: Path) -> None:
    probe = Databases(str(path.parent))

    assert seen(probe, lambda: run(path, "INSERT INTO log VALUES ('x')", "DELETE FROM log")) == {}


def test_new_and_dropped_tables_are_told(path: Path) -> None:
    probe = Databases(str(path.parent))

    assert seen(probe, lambda: run(path, "DROP TABLE log", "CREATE TABLE stops (id)")) == {
        "app.sqlite3: table log": ("0 rows", None),
        "app.sqlite3: table stops": (None, "0 rows"),
    }


def test_another_schema_is_told(path: Path) -> None:
    probe = Databases(str(path.parent))

    assert seen(probe, lambda: run(path, "CREATE INDEX faster ON rides (seconds)")) == {
        "app.sqlite3: table rides": ("3 rows", "3 rows, other schema")
    }


def test_where_counting_goes_on_is_told(path: Path) -> None:
    """The next row gets another id, although there is no other row."""
    probe = Databases(str(path.parent))
    insert = "INSERT INTO lines (name) VALUES ('3')"

    assert seen(probe, lambda: run(path, insert, "DELETE FROM lines WHERE name = '3'")) == {
        "app.sqlite3: table sqlite_sequence": ("1 row", "1 row, other content")
    }


@pytest.mark.parametrize(
    ("pragma", "was", "is_now"), [("user_version", "0", "7"), ("journal_mode", "delete", "wal")]
)
def test_pragmas_that_stay_are_told_and_put_back(
    path: Path, pragma: str, was: str, is_now: str
) -> None:
    probe = Databases(str(path.parent))
    before = probe.look()

    told = seen(probe, lambda: run(path, f"PRAGMA {pragma} = {is_now}"))
    probe.put_back(before, f"app.sqlite3: pragma {pragma}")

    assert told == {f"app.sqlite3: pragma {pragma}": (was, is_now)}
    assert list(probe.changes(before, probe.look())) == []


def test_a_database_that_was_not_there_is_told_by_its_tables(tmp_path: Path) -> None:
    probe = Databases(str(tmp_path))

    told = seen(probe, lambda: fill(tmp_path / "new.sqlite3"))

    assert told["new.sqlite3: table rides"] == (None, "3 rows")


def test_a_database_that_is_gone_is_no_leak(path: Path) -> None:
    probe = Databases(str(path.parent))
    run(path, "SELECT 1")
    before = probe.look()
    run(path, "DELETE FROM rides")
    after = probe.look()
    path.unlink()

    assert list(probe.changes(before, after)) == []
    assert list(probe.changes(before, probe.look())) == []


def test_a_database_in_the_folders_of_tmp_path_is_no_leak(path: Path, tmp_path: Path) -> None:
    """Seen from another project, this one lies in such a folder."""
    root = tmp_path / "project"
    root.mkdir()
    probe = Databases(str(root))

    assert seen(probe, lambda: run(path, "DELETE FROM rides")) == {}


def test_a_database_in_an_excluded_folder_is_no_leak(path: Path) -> None:
    probe = Databases(str(path.parent), [str(path.parent)])

    assert seen(probe, lambda: run(path, "DELETE FROM rides")) == {}


def test_a_database_may_be_named_by_an_address(path: Path) -> None:
    probe = Databases(str(path.parent))

    def delete() -> None:
        with contextlib.closing(
            sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)
        ) as connection:
            connection.execute("DELETE FROM log")
            connection.execute("INSERT INTO log VALUES ('x')")
            connection.commit()

    assert set(seen(probe, delete)) == {"app.sqlite3: table log"}


def test_what_stands_in_the_log_of_an_open_database_is_seen(path: Path) -> None:
    run(path, "PRAGMA journal_mode = wal")
    probe = Databases(str(path.parent))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("SELECT * FROM rides").fetchall()

        told = seen(probe, lambda: connection.execute("INSERT INTO log VALUES ('x')"))

    assert told == {"app.sqlite3: table log": ("0 rows", "1 row")}


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_looking_makes_no_file(path: Path, mode: str) -> None:
    run(path, f"PRAGMA journal_mode = {mode}")
    probe = Databases(str(path.parent))
    probe.look()

    run(path, "DELETE FROM rides")
    probe.look()

    assert os.listdir(path.parent) == ["app.sqlite3"]  # noqa: PTH208


def test_a_database_that_is_being_written_is_looked_at_another_time(path: Path) -> None:
    run(path, "PRAGMA cache_spill = 0")
    probe = Databases(str(path.parent))
    before = probe.look()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("DELETE FROM rides")
        during = probe.look()
        connection.execute("COMMIT")
        after = probe.look()

    assert "app.sqlite3: table rides" not in {each.key for each in probe.changes(before, during)}
    assert "app.sqlite3: table rides" in {each.key for each in probe.changes(before, after)}


def test_a_transaction_left_open_is_told_and_rolled_back(path: Path) -> None:
    """Nobody else can write until it ends."""
    probe = Databases(str(path.parent))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        before = probe.look()
        told = seen(probe, lambda: connection.execute("DELETE FROM rides"))

        for key in told:
            probe.put_back(before, key)

        assert told == {"app.sqlite3: transaction of connection 1": (None, "open")}
        assert not connection.in_transaction


def test_foreign_keys_are_switched_for_a_connection(path: Path) -> None:
    probe = Databases(str(path.parent))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        before = probe.look()
        told = seen(probe, lambda: connection.execute("PRAGMA foreign_keys = on"))
        for key in told:
            probe.put_back(before, key)

        assert told == {"app.sqlite3: pragma foreign_keys of connection 1": ("0", "1")}
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (0,)


def test_rows_in_memory_are_told(tmp_path: Path, memory: Callable[[], sqlite3.Connection]) -> None:
    probe = Databases(str(tmp_path))
    connection = memory()

    assert seen(probe, lambda: connection.executescript("DELETE FROM lines; DELETE FROM log")) == {
        "memory database 1: table lines": ("2 rows", "0 rows")
    }


def test_rows_in_memory_are_put_back_while_they_are_looked_at(
    tmp_path: Path, memory: Callable[[], sqlite3.Connection]
) -> None:
    """The settings of the connection stay what they were."""
    probe = Databases(str(tmp_path))
    connection = memory()
    connection.row_factory, connection.text_factory = sqlite3.Row, bytes
    connection.execute("PRAGMA foreign_keys = on")
    was = content_in(connection)

    undo(probe, lambda: connection.executescript("DELETE FROM lines"))

    assert content_in(connection) == was
    assert (connection.row_factory, connection.text_factory) == (sqlite3.Row, bytes)
    assert tuple(connection.execute("PRAGMA foreign_keys").fetchone()) == (1,)


def content_in(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    tables = ("lines", "rides", "log")
    return [tuple(row) for name in tables for row in connection.execute(f"SELECT * FROM {name}")]  # noqa: S608


def test_rows_in_a_transaction_that_is_open_cannot_be_put_back(
    tmp_path: Path, memory: Callable[[], sqlite3.Connection]
) -> None:
    probe = Databases(str(tmp_path))
    connection = memory()

    told = changes(probe, lambda: connection.execute("DELETE FROM lines"))

    assert {each.key: each.can_put_back for each in told} == {
        "memory database 1: table lines": False,
        "memory database 1: transaction of connection 1": True,
    }


def test_a_connection_that_is_closed_is_no_leak(
    tmp_path: Path, memory: Callable[[], sqlite3.Connection]
) -> None:
    probe = Databases(str(tmp_path))

    assert seen(probe, lambda: memory().close()) == {}


def test_a_connection_that_nobody_has_any_more_is_no_leak(
    tmp_path: Path, memory: Callable[[], sqlite3.Connection]
) -> None:
    """It is there until the garbage is collected, and nobody can see it."""
    del memory
    probe = Databases(str(tmp_path))

    def forget() -> None:
        sqlite3.connect(":memory:").execute("CREATE TABLE t (a)")

    gc.disable()
    try:
        told = seen(probe, forget)
    finally:
        gc.enable()
        with pytest.MonkeyPatch.context() as patch:
            # From Python 3.13 on a connection that is collected open says so.
            patch.setattr(sys, "unraisablehook", lambda _: None)
            gc.collect()

    assert told == {}


def test_a_probe_keeps_no_connection(tmp_path: Path) -> None:
    """A file that is kept open would stay locked, and its warning would come too late."""
    probe = Databases(str(tmp_path))
    connection = sqlite3.connect(tmp_path / "app.sqlite3")
    held = sys.getrefcount(connection)
    probe.look()

    assert sys.getrefcount(connection) == held
    connection.close()
    assert probe._handles[1].is_gone()


def test_the_connection_of_another_thread_is_left_alone(tmp_path: Path) -> None:
    probe = Databases(str(tmp_path))
    made: list[sqlite3.Connection] = []

    def connect() -> None:
        made.append(sqlite3.connect(":memory:", check_same_thread=False))
        made[0].execute("CREATE TABLE t (a)")

    def act() -> None:
        thread = threading.Thread(target=connect)
        thread.start()
        thread.join()

    assert seen(probe, act) == {}
    made[0].close()


def test_no_code_of_the_project_is_called(tmp_path: Path) -> None:
    probe = Databases(str(tmp_path))

    def fail(*_: object) -> object:
        raise AssertionError

    connection = sqlite3.connect(":memory:", detect_types=sqlite3.PARSE_DECLTYPES)
    with contextlib.closing(connection):
        connection.execute("CREATE TABLE t (a shakeproofs)")
        connection.execute("INSERT INTO t VALUES ('x')")
        connection.commit()
        sqlite3.register_converter("shakeproofs", fail)
        connection.row_factory, connection.text_factory = fail, fail

        assert [each.after for each in changes(probe, int)] == []
        assert [each.after for each in probe.changes(type(probe.look())({}, {}), probe.look())] == [
            "1 row"
        ]


def test_what_triggers_and_foreign_keys_would_do_is_not_done_by_putting_back(path: Path) -> None:
    probe = Databases(str(path.parent))
    was = content_of(path)

    undo(probe, lambda: run(path, "INSERT INTO lines (name) VALUES ('3')", "DELETE FROM rides"))

    assert content_of(path) == was


def test_a_table_that_has_too_many_rows_cannot_be_put_back(path: Path) -> None:
    run(path, *["INSERT INTO log VALUES ('x')"] * (MOST_ROWS + 1))
    probe = Databases(str(path.parent))

    (change,) = changes(probe, lambda: run(path, "UPDATE log SET what = 'y' WHERE rowid = 1"))

    assert change.after == "10001 rows, other content (the first 10000 compared)"
    assert not change.can_put_back


def test_a_lock_is_not_waited_for(path: Path) -> None:
    probe = Databases(str(path.parent))
    before = probe.look()
    run(path, "DELETE FROM rides")
    probe.look()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")

        with pytest.raises(LookupError, match="locked"):
            probe.put_back(before, "app.sqlite3: table rides")


def test_a_table_in_a_file_that_is_gone_is_as_good_as_dropped(path: Path) -> None:
    probe = Databases(str(path.parent))
    before = probe.look()
    new = path.with_name("new.sqlite3")
    run(new, "CREATE TABLE t (a)")
    probe.look()
    new.unlink()

    probe.put_back(before, "new.sqlite3: table t")

    assert not new.exists()
