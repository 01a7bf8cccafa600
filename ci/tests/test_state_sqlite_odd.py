"""Databases that are locked, damaged, left behind or none at all, and tables of odd shapes."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest
from sqlite_scene import changes, fill, run, seen, undo

from shakeproof.inject.shakeproof_state.sqlite import SMALL, Databases

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a database with a few tables."""
    path = tmp_path / "app.sqlite3"
    fill(path)
    return path


def content_of(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_a_database_that_was_removed_and_made_again_the_same_is_no_change(path: Path) -> None:
    probe = Databases(str(path.parent))
    run(path, "SELECT 1")
    before = probe.look()
    path.unlink()
    probe.look()

    fill(path)

    assert list(probe.changes(before, probe.look())) == []


def test_a_database_that_was_made_and_removed_is_no_change(path: Path) -> None:
    new = path.with_name("new.sqlite3")
    probe = Databases(str(path.parent))

    def make_and_remove() -> None:
        fill(new)
        probe.look()
        new.unlink()

    assert seen(probe, make_and_remove) == {}
    assert seen(probe, lambda: run(new, "CREATE TABLE t (a)")) == {
        "new.sqlite3: table t": (None, "0 rows")
    }


def test_a_database_that_was_copied_into_place_is_new(path: Path) -> None:
    """Nobody heard of it before it was opened, but it is younger than the last look."""
    probe = Databases(str(path.parent))
    new = path.with_name("new.sqlite3")

    def copy() -> None:
        shutil.copyfile(path, new)
        run(new, "SELECT 1")

    assert seen(probe, copy)["new.sqlite3: table rides"] == (None, "3 rows")


def test_an_empty_file_is_an_empty_database(path: Path) -> None:
    new = path.with_name("new.sqlite3")
    new.touch()
    probe = Databases(str(path.parent))

    assert seen(probe, lambda: run(new, "CREATE TABLE t (a)")) == {
        "new.sqlite3: table t": (None, "0 rows")
    }


def test_a_file_that_is_no_database_is_not_told_of(path: Path) -> None:
    path.write_text("no database, but longer than nothing", encoding="utf-8")
    probe = Databases(str(path.parent))

    assert seen(probe, lambda: sqlite3.connect(path).close()) == {}


def test_what_could_not_be_read_at_first_is_known_from_when_it_could(path: Path) -> None:
    """What it held before is then nobody's leak: what changes from there on is."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute("DELETE FROM rides")
        probe = Databases(str(path.parent))
        before = probe.look()
        with contextlib.closing(sqlite3.connect(path)):
            writer.execute("COMMIT")

            assert list(probe.changes(before, probe.look())) == []
            assert seen(probe, lambda: writer.execute("DROP TABLE log")) == {
                "app.sqlite3: table log": ("3 rows", None)
            }


def test_what_a_process_left_unfinished_is_not_read(path: Path, tmp_path: Path) -> None:
    """To read it would be to finish it: a log without its index is read by writing that anew."""
    run(path, "PRAGMA journal_mode = wal")
    left = tmp_path / "left"
    left.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO log VALUES ('x')")
        connection.commit()
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{path}{suffix}", left / f"app.sqlite3{suffix}")
    probe = Databases(str(left))

    assert seen(probe, lambda: sqlite3.connect(left / "app.sqlite3").close()) == {}
    assert not (left / "app.sqlite3-shm").exists()


def test_a_database_is_read_again_only_if_its_size_or_its_time_is_another(path: Path) -> None:
    os.utime(path, (1, 1))
    probe = Databases(str(path.parent))
    run(path, "SELECT 1")
    probe.look()

    def write_unseen() -> None:
        run(path, "UPDATE rides SET seconds = 61 WHERE seconds = 60")
        os.utime(path, (1, 1))

    assert seen(probe, write_unseen) == {}
    assert seen(probe, lambda: os.utime(path, (2, 2))) == {
        "app.sqlite3: table rides": ("3 rows", "3 rows, other content")
    }


def test_what_another_thread_writes_to_a_file_is_told(path: Path) -> None:
    """Its connection is left alone; the file is everybody's."""
    probe = Databases(str(path.parent))
    made: list[sqlite3.Connection] = []

    def write() -> None:
        made.append(sqlite3.connect(path, check_same_thread=False))
        made[0].execute("DELETE FROM log")
        made[0].execute("INSERT INTO log VALUES ('x')")
        made[0].commit()
        made[0].execute("INSERT INTO log VALUES ('y')")

    def act() -> None:
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()

    told = seen(probe, act)
    with pytest.raises(LookupError):
        probe.put_back(probe.look(), "app.sqlite3: transaction of connection 1")

    made[0].close()
    assert told == {"app.sqlite3: table log": ("0 rows", "1 row")}


def test_a_connection_that_answers_no_question_is_passed_over(tmp_path: Path) -> None:
    """An authorizer of the project's may forbid it."""
    probe = Databases(str(tmp_path))
    connection = sqlite3.connect(":memory:")
    with contextlib.closing(connection):

        def forbid() -> None:
            connection.execute("CREATE TABLE t (a)")
            connection.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)

        assert seen(probe, forbid) == {}


def test_in_a_transaction_that_is_open_nothing_is_put_back(tmp_path: Path) -> None:
    probe = Databases(str(tmp_path))
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (a)")
        before = probe.look()
        connection.execute("INSERT INTO t VALUES (1)")
        probe.look()

        with pytest.raises(LookupError):
            probe.put_back(before, "memory database 1: table t")

        assert connection.execute("SELECT count(*) FROM t").fetchone() == (1,)


@pytest.mark.parametrize("key", ["other.sqlite3: table t", "memory database 9: table t"])
def test_what_nobody_knows_cannot_be_put_back(key: str, path: Path) -> None:
    probe = Databases(str(path.parent))
    run(path, "SELECT 1")

    with pytest.raises(LookupError):
        probe.put_back(probe.look(), key)


def test_a_table_of_a_file_that_is_gone_cannot_be_put_back(path: Path) -> None:
    probe = Databases(str(path.parent))
    run(path, "SELECT 1")
    before = probe.look()
    path.unlink()

    with pytest.raises(LookupError):
        probe.put_back(before, "app.sqlite3: table rides")

    assert not path.exists()


def test_of_a_large_database_the_journal_is_not_told(path: Path) -> None:
    """It would have to be read as a whole for that."""
    run(path, f"INSERT INTO log VALUES (zeroblob({SMALL}))")  # noqa: S608
    probe = Databases(str(path.parent))

    assert seen(probe, lambda: run(path, "PRAGMA journal_mode = wal")) == {}


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE odd (rowid, _rowid_, oid)",
        "CREATE TABLE odd (a, b PRIMARY KEY, c) WITHOUT ROWID",
        "CREATE TABLE odd (rowid, b, c)",
    ],
    ids=["no name left", "none", "another name"],
)
def test_rows_are_put_back_whatever_their_number_is_called(sql: str, tmp_path: Path) -> None:
    path = tmp_path / "app.sqlite3"
    run(path, sql, "INSERT INTO odd VALUES (3, 1, 'x'), (2, 2, 'y')")
    probe = Databases(str(tmp_path))
    was = content_of(path)

    undo(probe, lambda: run(path, "DELETE FROM odd", "INSERT INTO odd VALUES (1, 1, 'z')"))

    assert content_of(path) == was


def test_a_view_that_was_dropped_is_put_back(path: Path) -> None:
    run(path, "CREATE VIEW fast AS SELECT * FROM rides WHERE seconds < 70")
    probe = Databases(str(path.parent))
    was = content_of(path)

    undo(probe, lambda: run(path, "DROP VIEW fast"))

    assert content_of(path) == was


def test_where_counting_goes_on_comes_back_with_what_counts(path: Path) -> None:
    """A database that another took the place of, which counts nothing."""
    probe = Databases(str(path.parent))
    was = content_of(path)

    def replace() -> None:
        path.unlink()
        run(path, "CREATE TABLE other (a)")

    undo(probe, replace)

    assert content_of(path) == was


def test_what_fails_halfway_changes_nothing(path: Path) -> None:
    """A function of the project's, which only its own connections have."""

    def add(number: int) -> None:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.create_function("proper", 1, lambda value: value < 10, deterministic=True)
            connection.execute("CREATE TABLE IF NOT EXISTS t (a CHECK (proper(a)))")
            connection.execute("DELETE FROM t")
            connection.execute("INSERT INTO t VALUES (?)", (number,))
            connection.commit()

    add(1)
    probe = Databases(str(path.parent))
    before = probe.look()
    (change,) = changes(probe, lambda: add(2))

    with pytest.raises(LookupError, match="proper"):
        probe.put_back(before, change.key)

    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT a FROM t").fetchall() == [(2,)]
