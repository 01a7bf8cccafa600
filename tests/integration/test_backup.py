"""`python -m backend backup` and `restore`: one whole state goes out and comes back, or nothing changes."""

import os
import shlex
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, insert, select

from backend.core.settings import Settings
from backend.core.storage import Database, open_database
from backend.core.storage.schema import VERSION
from backend.core.store import add_key, list_keys
from backend.tools.cli import main
from tests.factories import START, FakeClock, make_ride, unique_id
from tests.rides import submit_ride

if sys.platform != "win32":
    import resource

if TYPE_CHECKING:
    from tests.postgres_plugin import Databases

Run: TypeAlias = Callable[..., tuple[int, str]]
"""Run a command on a database; return its exit status and what it said."""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(place: object, *arguments: object) -> tuple[int, str]:
        name = "DATABASE_URL" if str(place).startswith("postgresql") else "DB_PATH"
        status = main(list(map(str, arguments)), {f"BMTC_{name}": str(place)}, FakeClock())
        said = capsys.readouterr()
        assert (said.out == "") == (status != 0)
        assert (said.out + said.err).count("\n") == 1
        return status, said.out + said.err

    return run


@pytest.fixture
def held(database: Database, settings: Settings) -> Database:
    """Give this test's database with a ride and a key in it."""
    with database.writing() as tx:
        submit_ride(tx, make_ride(), settings, START)
        add_key(tx, "held", START)
    return database


@pytest.fixture
def stopped(held: Database, database_path: str) -> str:
    """Give the file of that database when nobody has it open any more."""
    held.close()
    return database_path


@pytest.fixture
def saved(run: Run, stopped: str, tmp_path: Path) -> Path:
    """Give a backup of it."""
    assert run(stopped, "backup", tmp_path / "saved")[0] == 0
    return tmp_path / "saved"


def content(place: object) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table."""
    database = open_database(str(place))
    try:
        with database.reading() as tx:
            return {
                table.name: sorted(map(tuple, tx.execute(select(table))), key=repr)
                for table in tx.schema.metadata.sorted_tables
            }
    finally:
        database.close()


def files(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


@pytest.mark.sqlite
def test_what_was_backed_up_comes_back(run: Run, stopped: str, tmp_path: Path) -> None:
    """All of it, in a file of its own that only its owner may read, for another database."""
    before = content(stopped)
    saved, other = tmp_path / "saved", tmp_path / "other.sqlite3"

    status, said = run(stopped, "backup", saved)
    size = saved.stat().st_size
    assert (status, said.partition(": ")) == (
        0,
        (
            f"Backed up {stopped} to {saved}",
            ": ",
            f"{size} bytes, tables of version {VERSION}, looked through.\n",
        ),
    )
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert run(other, "restore", saved) == (
        0,
        f"Restored {other} from {saved}: tables of version {VERSION}.\n",
    )
    assert content(other) == before
    assert before["rides"]


@pytest.mark.sqlite
def test_a_backup_is_one_state_while_somebody_writes(
    run: Run, held: Database, database_path: str, tmp_path: Path
) -> None:
    """A writer adds two rows in each transaction; no backup has an odd number of them."""
    enough, written = Event(), Event()

    def write() -> None:
        while not enough.is_set():
            with held.writing() as tx:
                for _ in range(2):
                    stops = {"from_stop": unique_id("a"), "to_stop": unique_id("b")}
                    tx.execute(insert(tx.schema.segments), stops)
            written.set()

    def segments(place: Path) -> int:
        with closing(sqlite3.connect(place)) as connection:
            return int(connection.execute("SELECT count(*) FROM segments").fetchone()[0])

    writer = Thread(target=write)
    writer.start()
    try:
        found = []
        for number in range(5):
            assert written.wait(timeout=30)
            written.clear()
            assert run(database_path, "backup", tmp_path / f"{number}")[0] == 0
            found.append(segments(tmp_path / f"{number}"))
    finally:
        enough.set()
        writer.join()
    with held.reading() as tx:
        whole = tx.execute(select(func.count()).select_from(tx.schema.segments)).scalar_one()
    assert {number % 2 for number in found} == {whole % 2}
    assert found == sorted(found)
    assert found[0] < found[-1] <= whole


@pytest.mark.sqlite
def test_a_backup_is_one_file_and_leaves_nothing_beside_it(
    run: Run, stopped: str, tmp_path: Path
) -> None:
    """Not in WAL mode, so that it may be read from a medium that cannot be written."""
    folder = tmp_path / "backups"
    folder.mkdir()

    assert run(stopped, "backup", folder / "saved")[0] == 0

    assert files(folder) == {"saved"}
    # Bytes 18 and 19: 1 for a rollback journal (https://sqlite.org/fileformat.html, section 1.3)
    assert (folder / "saved").read_bytes()[18:20] == b"\1\1"


@pytest.mark.sqlite
def test_a_file_that_exists_is_replaced_only_when_that_was_said(
    run: Run, stopped: str, tmp_path: Path
) -> None:
    letter = tmp_path / "letter"
    letter.write_text("Dear reader,", encoding="utf-8")

    status, said = run(stopped, "backup", letter)

    assert (status, said) == (
        2,
        f"python -m backend: {letter} exists already; name another file, or say --replace.\n",
    )
    assert letter.read_text(encoding="utf-8") == "Dear reader,"
    assert run(stopped, "backup", letter, "--replace")[0] == 0
    assert content(letter) == content(stopped)


@pytest.mark.sqlite
@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_database_is_no_backup_of_itself(run: Run, stopped: str, command: str) -> None:
    before = content(stopped)

    status, said = run(stopped, command, stopped, "--replace")

    assert (status, f"{stopped} is the database itself" in said) == (2, True)
    assert content(stopped) == before


@pytest.mark.sqlite
def test_a_backup_that_cannot_be_written_is_told_in_a_sentence(
    run: Run, stopped: str, tmp_path: Path
) -> None:
    status, said = run(stopped, "backup", tmp_path / "nowhere" / "saved")

    assert (status, "No such file or directory; check the file" in said) == (2, True)


@pytest.mark.sqlite
def test_what_is_not_there_is_not_made(run: Run, saved: Path, tmp_path: Path) -> None:
    """Neither a database by a backup of it, nor a backup by restoring it."""
    missing = tmp_path / "missing"

    assert "There is no database" in run(missing, "backup", tmp_path / "new")[1]
    assert "There is no backup" in run(tmp_path / "new", "restore", missing)[1]

    assert files(tmp_path).isdisjoint({"missing", "new"})
    assert saved.is_file()


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_nothing_in_memory_is_kept(run: Run, tmp_path: Path, command: str) -> None:
    status, said = run(":memory:", command, tmp_path / "saved")

    assert (status, "BMTC_DB_PATH is :memory:" in said) == (2, True)


@pytest.mark.sqlite
def test_a_database_that_holds_something_is_lost_only_when_that_was_said(
    run: Run, saved: Path, stopped: str
) -> None:
    """Also the keys that were added since, and those revoked are good again."""
    database = open_database(stopped)
    with database.writing() as tx:
        add_key(tx, "later", START)
    database.close()
    before = content(stopped)

    status, said = run(stopped, "restore", saved)
    assert (status, "holds something already" in said, content(stopped)) == (2, True, before)

    assert run(stopped, "restore", saved, "--replace")[0] == 0
    database = open_database(stopped)
    with database.reading() as tx:
        names = [key.name for key in list_keys(tx)]
    database.close()
    assert names == ["held"]


@pytest.mark.sqlite
def test_a_database_in_use_is_not_replaced(
    run: Run, held: Database, database_path: str, tmp_path: Path
) -> None:
    """A running service remembers what it has read."""
    assert run(database_path, "backup", tmp_path / "saved")[0] == 0

    status, said = run(database_path, "restore", tmp_path / "saved", "--replace")

    assert (status, "is in use; stop the service first" in said) == (2, True)
    held.ping()


@pytest.mark.sqlite
def test_an_older_version_is_restored_and_brought_up_to_date(
    run: Run, stopped: str, tmp_path: Path
) -> None:
    database = open_database(stopped)
    database.migrate("0002")
    database.close()
    new = tmp_path / "new.sqlite3"

    assert run(stopped, "backup", tmp_path / "saved")[0] == 0
    assert "version 0002" in run(new, "restore", tmp_path / "saved")[1]
    assert main(["retention"], {"BMTC_DB_PATH": str(new)}, FakeClock()) == 0

    database = open_database(str(new))
    assert database.version() == VERSION
    database.close()


@pytest.mark.sqlite
def test_tables_from_before_versions_had_names_are_the_first(
    run: Run, stopped: str, tmp_path: Path
) -> None:
    database = open_database(stopped)
    database.migrate("0001")
    database.close()
    with closing(sqlite3.connect(stopped)) as connection:
        connection.executescript("DROP TABLE alembic_version; PRAGMA user_version = 1;")

    assert "version 0001" in run(stopped, "backup", tmp_path / "saved")[1]


def newer(place: Path) -> None:
    with closing(sqlite3.connect(place)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def damaged(place: Path) -> None:
    """Write noise over the last page."""
    with place.open("r+b") as file:
        file.seek(-4096, os.SEEK_END)
        file.write(b"\x55" * 4096)


def dangling(place: Path) -> None:
    with closing(sqlite3.connect(place)) as connection, connection:
        connection.execute("DELETE FROM rides")


def foreign(place: Path) -> None:
    place.unlink()
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("CREATE TABLE letters (text)")


def without_a_version(place: Path) -> None:
    with closing(sqlite3.connect(place)) as connection, connection:
        connection.execute("DELETE FROM alembic_version")


def prose(place: Path) -> None:
    place.write_text("Dear reader, this is not a database.\n" * 100, encoding="utf-8")


@pytest.mark.sqlite
@pytest.mark.parametrize("place", ["new.sqlite3", "bus-times.sqlite3"], ids=["new", "replaced"])
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (newer, f"version 9999, and this service knows them up to {VERSION}"),
        (damaged, "is damaged"),
        (dangling, "a row refers to one that is not there"),
        (foreign, "holds no tables of this service"),
        (without_a_version, "holds no tables of this service"),
        (prose, "cannot be read: file is not a database"),
    ],
)
def test_a_backup_that_is_none_changes_nothing(
    run: Run, saved: Path, spoil: Callable[[Path], None], words: str, place: str
) -> None:
    target = saved.with_name(place)
    before = content(target) if target.exists() else None
    spoil(saved)

    status, said = run(target, "restore", saved, "--replace")

    assert (status, words in said) == (2, True), said
    assert (content(target) if target.exists() else None) == before


@pytest.mark.sqlite
def test_a_damaged_database_is_not_backed_up(run: Run, stopped: str, tmp_path: Path) -> None:
    damaged(Path(stopped))

    status, said = run(stopped, "backup", tmp_path / "saved")

    assert (status, f"{stopped} is damaged" in said) == (2, True), said
    assert not (tmp_path / "saved").exists()


@pytest.mark.sqlite
def test_a_database_that_is_none_is_not_written_over(run: Run, saved: Path, tmp_path: Path) -> None:
    """It may be somebody's letter."""
    letter = tmp_path / "letter"
    prose(letter)
    before = letter.read_bytes()

    status, said = run(letter, "restore", saved, "--replace")

    assert (status, "file is not a database" in said) == (2, True)
    assert letter.read_bytes() == before


@pytest.mark.sqlite
def test_a_restore_that_breaks_off_leaves_no_new_database(
    run: Run, saved: Path, tmp_path: Path
) -> None:
    """Beside it lies a folder where SQLite's journal would be."""
    new = tmp_path / "new.sqlite3"
    (tmp_path / "new.sqlite3-journal").mkdir()

    status, said = run(new, "restore", saved)

    assert (status, "cannot be restored" in said) == (2, True)
    assert not new.exists()


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let this process write no larger file inside the block: Python gets an error and not the signal."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.sqlite
@pytest.mark.skipif(os.name == "nt", reason="needs a limit on the size of files")
def test_where_no_space_is_left_nothing_has_changed(
    run: Run, stopped: str, saved: Path, tmp_path: Path
) -> None:
    """Neither a larger backup nor a larger database fits."""
    with closing(sqlite3.connect(saved)) as connection, connection:
        connection.execute("CREATE TABLE filler AS SELECT zeroblob(1 << 20) AS filling")
    before, there = content(stopped), files(tmp_path)
    new = tmp_path / "new.sqlite3"

    with files_of_at_most(1 << 19):
        answers = [
            run(stopped, "restore", saved, "--replace"),
            run(new, "restore", saved),
            run(saved, "backup", tmp_path / "copy"),
        ]

    assert [(status, "the space left" in said) for status, said in answers] == [(2, True)] * 3
    assert content(stopped) == before
    assert files(tmp_path) == there
    assert run(new, "restore", saved)[0] == 0


SERVER = (
    "postgresql://bus:hunter2-hunter2@db.example:5433/times?sslmode=require&sslpassword=hunter2-too"
)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("backup", "pg_dump --format=custom --no-owner '--file=a file'"),
        ("restore", "pg_restore --no-owner --exit-on-error --single-transaction"),
    ],
)
def test_the_command_of_postgresql_is_named_without_the_password(
    run: Run, command: str, words: str
) -> None:
    """Nothing is asked of the server, and no password stands in the sentence."""
    status, said = run(SERVER, command, "a file")

    assert (status, words in said, "hunter2" in said) == (2, True, False)
    assert "'--dbname=postgresql://bus@db.example:5433/times?sslmode=require'" in said


@pytest.mark.postgres
def test_the_commands_of_postgresql_do_it(
    run: Run,
    held: Database,
    database_address: str,
    postgres_databases: "Databases",
    tmp_path: Path,
) -> None:
    """Those that are named, executed: what comes back is what went out."""
    held.close()
    before = content(database_address)

    def execute(place: str, command: str) -> None:
        _, said = run(place, command, tmp_path / "saved")
        words = shlex.split(said.split("`")[1])
        password = urlsplit(place).password or ""
        subprocess.run(words, env=os.environ | {"PGPASSWORD": password}, check=True)

    execute(database_address, "backup")
    with postgres_databases.new() as other:
        execute(other, "restore")
        assert content(other) == before
    assert before["rides"]
