"""The server that `--database postgres` starts: found, shared with workers, and gone in the end, however it comes."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.core.errors import DatabaseError
from backend.core.storage import open_database
from tests import postgres

ROOT = Path(__file__).parents[2]
SECONDS_TO_END = 60
SUITE = """
    import os
    import signal
    from pathlib import Path

    import pytest
    from sqlalchemy import insert, select

    @pytest.mark.integration
    @pytest.mark.parametrize("turn", range(4))
    def test_the_same_row(database, database_address, turn):
        with database.writing() as tx:
            assert tx.execute(select(tx.schema.segments)).all() == []
            tx.execute(insert(tx.schema.segments), {"from_stop": "A", "to_stop": "B"})
        with Path(__file__).with_name("seen").open("a") as seen:
            seen.write(f"{database_address}\\n")
        if turn in INTERRUPTED_AT:
            os.kill(os.getpid(), signal.SIGINT)  # as Ctrl-C does
"""


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Give a folder for what the servers of these tests keep; the server's user has to get there."""
    with tempfile.TemporaryDirectory(dir=postgres.reachable_folder()) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def run(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    temporary: Path,
    *arguments: str,
    interrupted_at: tuple[int, ...] = (),
) -> tuple[pytest.RunResult, list[str]]:
    """Run a small suite on a server of its own, and return what came of it and the addresses it saw.

    It returns when nobody holds the run's output any more: neither the run, nor the keeper, nor the server.
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TMPDIR", str(temporary))
    pytester.makepyfile(SUITE.replace("INTERRUPTED_AT", repr(interrupted_at)))
    markers = "-omarkers=integration\nsqlite\npostgres"
    base = f"--basetemp={pytester.path / 'base'}"
    bare = ("-ptests.conftest", "-pno:cacheprovider", markers, base, "--database=postgres")
    result = pytester.runpytest_subprocess(*bare, *arguments, timeout=SECONDS_TO_END)
    return result, (pytester.path / "seen").read_text(encoding="utf-8").split()


def assert_gone(temporary: Path, address: str) -> None:
    assert [path.name for path in temporary.iterdir() if path.name.startswith("postgres-")] == []
    with pytest.raises(DatabaseError, match="cannot be opened: connection failed"):
        open_database(address)


@pytest.mark.slow
@pytest.mark.postgres
def test_each_test_has_a_database_of_its_own_on_one_server_for_all_workers(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    result, seen = run(pytester, monkeypatch, temporary, "-pxdist", "-n2")

    assert result.parseoutcomes() == {"passed": 4}
    assert len(set(seen)) == 4
    assert len({address.rpartition("/")[0] for address in seen}) == 1
    assert_gone(temporary, seen[0])


@pytest.mark.slow
@pytest.mark.postgres
def test_ctrl_c_leaves_no_server(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    result, seen = run(pytester, monkeypatch, temporary, interrupted_at=(1,))

    assert (result.ret, len(seen)) == (pytest.ExitCode.INTERRUPTED, 2)
    assert_gone(temporary, seen[0])


@pytest.mark.slow
@pytest.mark.postgres
def test_a_run_that_is_killed_leaves_no_server(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    """Nobody can clean up after SIGKILL but the keeper, which notices by the end of a pipe."""
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    code = """
import sys
from tests import postgres
print(postgres.start(postgres.find_programs()).address, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,  # the keeper has it too
        text=True,
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        database = open_database(address)
        database.close()
        process.kill()
        _, err = process.communicate(timeout=SECONDS_TO_END)  # until the keeper has ended

    assert err == ""
    assert_gone(temporary, address)


def install(folder: Path, *, says: str) -> Path:
    """Make a folder that looks like the server's programs, whose `initdb` fails with these words."""
    folder.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (folder / name).write_text(f"#!/bin/sh\necho {says} >&2\nexit 1\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


def test_the_newest_server_is_found_but_that_on_the_path_comes_first(tmp_path: Path) -> None:
    nine, ten = (install(tmp_path / name / "bin", says="no") for name in ("9", "10"))
    places = (str(tmp_path / "*" / "bin"),)

    assert postgres.find_programs(path="", places=places) == ten
    assert postgres.find_programs(path=str(nine), places=places) == nine


def test_without_an_installed_server_the_run_ends_with_a_sentence_and_4(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "PLACES", ())
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PATH", str(pytester.path))
    pytester.makepyfile("def test_it(): pass")
    markers = "-omarkers=integration\nsqlite\npostgres"

    result = pytester.runpytest_inprocess(
        "-ptests.conftest", "-pno:cacheprovider", markers, "--database=postgres"
    )

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: No PostgreSQL server is installed, which --database postgres starts; install one (on*"
        ]
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as another user")
def test_a_server_of_another_user_lies_where_that_user_gets_to(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    closed = temporary / "closed" / "tmp"
    closed.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(closed))
    assert postgres.reachable_folder() == str(closed)

    closed.parent.chmod(0o700)

    assert postgres.reachable_folder() in postgres.TEMPORARY


def test_a_server_that_does_not_start_is_told_in_its_own_words(temporary: Path) -> None:
    programs = install(temporary / "bin", says="initdb: the disk is full")

    with pytest.raises(postgres.NoServerError) as problem:
        postgres.start(programs)

    assert re.fullmatch(
        r"The PostgreSQL server of the tests did not start: .*the disk is full\.",
        str(problem.value),
    )
