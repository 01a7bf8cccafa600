"""What a test uses that others may use at the same time is told, in both laboratories."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from laboratory import experiment, write

from shakeproof.lab.fresh import FreshLab
from shakeproof.model import Touch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from laboratory import Project

    from shakeproof.model import Run

    Used = Callable[[str], set[tuple[str, str, str]]]

pytestmark = pytest.mark.usefixtures("no_outer_run")
HEAD = """
    import os, shutil, socket, sqlite3, subprocess, sys, tempfile
    from pathlib import Path
    import pytest

    HERE = Path(__file__).parent
"""


def in_forks(project: Project) -> Run:
    with project.fork() as lab:
        (run,) = lab.run([replace(experiment(), touches=True)])
    return run


def in_fresh_processes(project: Project) -> Run:
    lab = FreshLab(project.target(), project.logs, lambda *_: None)
    (run,) = lab.run([replace(experiment(), touches=True)])
    return run


@pytest.fixture(params=[in_forks, in_fresh_processes])
def used(request: pytest.FixtureRequest, tmp_path: Path) -> Used:
    """Give a function that runs a file of tests and says what they used but for what they read."""

    def used_by(text: str) -> set[tuple[str, str, str]]:
        run = request.param(write(tmp_path, {"test_it.py": HEAD + text}))
        assert not run.exit_status
        return {
            (each.by.rpartition("::")[2], each.key, each.way)
            for each in run.touched
            if each.way != "reads"
        }

    return used_by


def test_files_below_the_root_are_told_by_their_place_there(used: Used) -> None:
    found = used("""
    def test_writes():
        (HERE / "data").mkdir()
        (HERE / "data" / "x.txt").write_text("x")

    def test_removes():
        os.rename(HERE / "data" / "x.txt", HERE / "data" / "y.txt")
        shutil.rmtree(HERE / "data")
    """)

    assert found >= {
        ("test_writes", "data", "makes"),
        ("test_writes", "data/x.txt", "writes"),
        ("test_removes", "data/x.txt", "writes"),
        ("test_removes", "data/y.txt", "writes"),
        ("test_removes", "data", "removes"),
    }


def test_what_is_read_is_told_as_well(tmp_path: Path) -> None:
    project = write(
        tmp_path,
        {"test_it.py": HEAD + '    def test_it(): (HERE / "x").read_text()', "x": "x"},
    )

    assert Touch("test_it.py::test_it", "filesystem", "x", "reads") in in_forks(project).touched


def test_a_fixed_name_in_the_temporary_folder_is_the_same_in_every_run(used: Used) -> None:
    found = used("""
    def test_it():
        (Path(tempfile.gettempdir()) / "fixed.txt").touch()
    """)

    assert found == {("test_it", "TMPDIR/fixed.txt", "writes")}


def test_a_name_made_while_the_tests_are_collected_is_no_other(used: Used) -> None:
    found = used("""
    PLACE = Path(tempfile.gettempdir()) / "fixed.txt"

    def test_it():
        PLACE.touch()
    """)

    assert found == {("test_it", "TMPDIR/fixed.txt", "writes")}


def test_a_port_is_told_but_for_one_that_the_system_chose(used: Used) -> None:
    found = used("""
    def test_fixed():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, socket.socket() as other:
            one.bind(("localhost", 0))
            port = one.getsockname()[1]
            (HERE / "port").write_text(str(port))
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                other.bind(("127.0.0.1", port))  # of another protocol, so it is free as a rule
            except OSError:
                pass

    def test_chosen():
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
    """)

    ports = {(test, key.rpartition(":")[0], way) for test, key, way in found if ":" in key}
    assert ports == {("test_fixed", "127.0.0.1", "binds")}


def test_the_file_of_a_unix_socket_is_a_file(used: Used) -> None:
    found = used("""
    def test_it(monkeypatch):
        monkeypatch.chdir(HERE)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("door")
    """)

    assert ("test_it", "door", "writes") in found


def test_a_database_is_told_unless_it_is_in_memory(used: Used) -> None:
    found = used("""
    def test_file():
        sqlite3.connect(HERE / "rides.sqlite3").close()

    def test_memory():
        sqlite3.connect(":memory:").close()
    """)

    assert found == {("test_file", "rides.sqlite3", "opens")}


def test_what_a_wider_fixture_opens_is_used_by_each_test_that_asks_for_it(used: Used) -> None:
    found = used("""
    @pytest.fixture(scope="module")
    def database():
        connection = sqlite3.connect(HERE / "rides.sqlite3")
        yield connection
        connection.close()

    def test_first(database): pass
    def test_other(): pass
    def test_last(database): pass
    """)

    assert found == {(test, "rides.sqlite3", "opens") for test in ("test_first", "test_last")}


def test_what_nobody_else_can_have_is_left_out(used: Used) -> None:
    found = used("""
    def test_it(tmp_path):
        (tmp_path / "x").touch()
        with tempfile.TemporaryFile() as file:
            file.write(b"x")
        Path("/dev/null").write_text("x")
    """)

    assert not found


def test_a_program_that_is_started_is_told_for_it_is_not_heard(used: Used) -> None:
    found = used("""
    def test_it():
        subprocess.run([sys.executable, "-c", "open('unheard', 'w')"], cwd=HERE, check=True)
    """)

    assert found == {("test_it", "", "starts")}


def test_who_does_not_ask_hears_nothing(tmp_path: Path) -> None:
    project = write(tmp_path, {"test_it.py": HEAD + '    def test_it(): (HERE / "x").touch()'})

    (fresh,) = project.fresh(None)

    assert fresh.touched == ()


def test_runs_together_have_one_temporary_folder_where_they_ask_for_it(tmp_path: Path) -> None:
    """Two processes that are started side by side have; two runs of the laboratory have not."""
    text = """
    def test_it():
        (HERE / str(os.getpid())).write_text(tempfile.gettempdir())
    """
    project = write(tmp_path, {"test_it.py": HEAD + text})
    both = [replace(experiment(), shares_temporary=True)] * 2

    def folders() -> list[str]:
        names = [each for each in project.rootdir.iterdir() if each.name.isdigit()]
        found = [each.read_text(encoding="utf-8") for each in names]
        for each in names:
            each.unlink()
        return found

    fresh = FreshLab(project.target(), project.logs, lambda *_: None, jobs=2)
    with project.fork() as lab:
        seen = []
        for asked in (both, [experiment()] * 2):
            for each in (lab, fresh):
                assert not any(run.exit_status for run in each.run(asked))
                seen.append(len(set(folders())))

    assert seen == [1, 1, 2, 2]
