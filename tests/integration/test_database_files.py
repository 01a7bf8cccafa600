"""A SQLite database in a file: opened, refused in a sentence, shared, and closed without a trace."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from backend.core.errors import DatabaseError
from backend.core.storage import Database, open_database
from backend.core.store import add_key, list_keys
from tests import isolation
from tests.factories import START

pytestmark = pytest.mark.sqlite


def test_a_missing_file_is_created(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite3"
    database = open_database(str(path))
    try:
        database.migrate()
    finally:
        database.close()
    assert path.is_file()


def test_a_missing_folder_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "new.sqlite3"
    with pytest.raises(DatabaseError) as refusal:
        open_database(str(path))
    assert str(refusal.value) == (
        f"The database {path} cannot be opened: unable to open database file; choose a SQLite "
        "file, or a new one in a folder that exists and may be written."
    )


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="cannot be opened"):
        open_database(str(tmp_path))


def test_a_file_that_is_no_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, this is not a database.\n" * 100, encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match="file is not a database"):
        open_database(str(path))
    assert path.read_bytes() == before


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="needs a user whom permissions bind"
)
def test_a_folder_that_may_not_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(DatabaseError, match="cannot be opened"):
            open_database(str(tmp_path / "new.sqlite3"))
    finally:
        tmp_path.chmod(0o700)


def test_a_refused_file_is_not_kept_open(tmp_path: Path) -> None:
    """An open handle would keep the write lock, or on some systems the file itself."""
    path = tmp_path / "letter.sqlite3"
    path.write_text("no database " * 100, encoding="utf-8")
    # While the error is held, so are the variables of the functions that raised it: nothing but
    # an explicit close has closed the handle here.
    with pytest.raises(DatabaseError) as refusal:
        open_database(str(path))
    assert str(path) not in isolation.look().descriptors.values(), refusal
    path.unlink()
    database = open_database(str(path))
    database.close()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Database]:
    """Give a database in a file in a folder of its own, with something in it."""
    (tmp_path / "own").mkdir()
    database = open_database(str(tmp_path / "own/open.sqlite3"))
    try:
        database.migrate()
        with database.writing() as tx:
            add_key(tx, "before", START)
        yield database
    finally:
        database.close()


def refused(database: Database) -> str:
    """Return what a reader and a writer are told."""
    told = set()
    for transaction in (database.reading, database.writing):
        with pytest.raises(DatabaseError) as refusal, transaction():
            pytest.fail("it began")
        told.add(str(refusal.value))
    (sentence,) = told
    return sentence


def test_a_file_that_is_removed_under_a_service_is_missed(opened: Database) -> None:
    """SQLite itself goes on writing into the file that has no name any more."""
    path = Path(opened.place)
    assert opened.revision() is not None
    path.unlink()

    assert opened.revision() is None  # what was read before is not answered from memory either
    assert refused(opened) == (
        f"The file of the database {path} is not there any more (No such file or directory);"
        " put the file itself back, or stop the service and restore a backup."
    )


def test_a_folder_that_is_removed_under_a_service_is_missed(opened: Database) -> None:
    folder = Path(opened.place).parent
    folder.rename(folder.with_name("elsewhere"))
    folder.touch()

    assert "is not there any more (Not a directory)" in refused(opened)


def test_a_file_that_takes_the_place_of_the_open_one_is_left_alone(
    opened: Database, tmp_path: Path
) -> None:
    """A new connection to it would take the log of the one before for its own."""
    path, other = Path(opened.place), tmp_path / "other.sqlite3"
    open_database(str(other)).close()
    before = other.read_bytes()

    with opened.reading():  # keeps the only connection that there is so far
        other.replace(path)
        told = refused(opened)
    opened.close()

    assert told.startswith(f"Another file has the name of the database {path} now;")
    assert path.read_bytes() == before


def test_a_name_that_is_free_is_not_taken_by_an_empty_database(opened: Database) -> None:
    """Whoever starts the service anew would begin with nothing, and not be told."""
    path = Path(opened.place)
    with opened.reading():
        path.unlink()
        refused(opened)
    assert not path.exists()


def test_a_file_that_is_put_back_goes_on(opened: Database) -> None:
    """Whatever connections there were and came to be meanwhile: all see the one file."""
    path = Path(opened.place)
    away = path.rename(path.with_name("away.sqlite3"))
    refused(opened)

    away.rename(path)

    with opened.reading() as one, opened.reading() as other:
        assert [[key.name for key in list_keys(tx)] for tx in (one, other)] == [["before"]] * 2


def test_every_connection_has_foreign_keys_and_a_write_ahead_log(database: Database) -> None:
    with database.reading() as first, database.reading() as second:
        for tx in (first, second):
            assert tx.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
            assert tx.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
            assert tx.execute(text("PRAGMA busy_timeout")).scalar_one() == 30_000
            assert tx.execute(text("PRAGMA synchronous")).scalar_one() == 1  # NORMAL


def test_closing_leaves_nothing_but_the_file(database: Database, database_path: str) -> None:
    with database.writing() as tx:
        tx.execute(text("DELETE FROM rides"))
    database.close()
    path = Path(database_path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_services_may_open_and_migrate_one_new_file_at_once(tmp_path: Path) -> None:
    """The switch to the write-ahead log waits its turn, as every other statement does."""
    phones = 8

    def open_all(path: str) -> None:
        together = threading.Barrier(phones)

        def open_one(_: int) -> None:
            together.wait(timeout=30)
            with closing(open_database(path)) as database:
                database.migrate()

        with ThreadPoolExecutor(phones) as pool:
            list(pool.map(open_one, range(phones)))

    for number in range(10):
        open_all(str(tmp_path / f"shared{number}.sqlite3"))


def test_opening_waits_while_somebody_writes_a_file_without_a_log(tmp_path: Path) -> None:
    """A writer keeps SQLite from switching to the log, and SQLite by itself would not wait."""
    path = str(tmp_path / "old.sqlite3")
    opened = threading.Event()

    def open_it() -> None:
        with closing(open_database(path)):
            opened.set()

    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as pool:
            opening = pool.submit(open_it)
            assert not opened.wait(timeout=0.05)
            writer.execute("COMMIT")
            opening.result(timeout=30)


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "recipes.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    database = open_database(str(path))
    try:
        with pytest.raises(DatabaseError, match="tables of another program"):
            database.migrate()
    finally:
        database.close()
