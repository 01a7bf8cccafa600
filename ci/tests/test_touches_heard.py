"""What is heard of a test, way by way: the plugin in a run of this very process, where it can be seen at work."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from shakeproof.inject.shakeproof_state.touches import Touches

if TYPE_CHECKING:
    from collections.abc import Callable

    Touched = set[tuple[str, str, str, str]]
    Hear = Callable[[str], Touched]

HEAD = """
import os, shutil, socket, sqlite3, subprocess, sys
from pathlib import Path
import pytest

HERE = Path(__file__).parent
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")


class Sink:
    """Keeps what is told."""

    def __init__(self) -> None:
        self.lines: list[dict[str, object]] = []

    def write(self, line: dict[str, object]) -> None:
        self.lines.append(line)


@pytest.fixture
def hear(pytester: pytest.Pytester, no_outer_run: None) -> Hear:
    """Give a function that runs tests and says what each used: test, category, key and way."""
    del no_outer_run

    def heard(body: str) -> Touched:
        sink = Sink()
        pytester.makepyfile(test_it=HEAD + body)
        quiet = ("-p", "no:cacheprovider", "-p", "no:randomly")
        run = pytester.inline_run(*quiet, plugins=[Touches(sink)])
        assert run.ret == 0
        found = set()
        for line in sink.lines:
            test, touches = line["test"], line["touches"]
            assert isinstance(test, str)
            assert isinstance(touches, list)
            found |= {(test.rpartition("::")[2], *each) for each in touches}
        return found

    return heard


def test_each_way_to_use_a_file_is_told(hear: Hear) -> None:
    found = hear("""
def test_it():
    (HERE / "data").mkdir()
    os.listdir(HERE / "data")
    (HERE / "data" / "a").write_text("text")
    (HERE / "data" / "a").read_text()
    os.truncate(HERE / "data" / "a", 1)
    os.chmod(HERE / "data" / "a", 0o600)
    os.link(HERE / "data" / "a", HERE / "data" / "c")
    os.symlink("a", HERE / "data" / "d")
    os.rename(HERE / "data" / "c", HERE / "data" / "e")
    os.rename(HERE / "data", HERE / "other")
    for name in ("a", "d", "e"):
        os.remove(HERE / "other" / name)
    os.rmdir(HERE / "other")
""")

    ways = {(key, way) for _, category, key, way in found if category == "filesystem"}
    assert ways == {
        ("data", "makes"),
        ("data", "lists"),
        ("data/a", "writes"),
        ("data/a", "reads"),
        ("data/c", "writes"),
        ("data/d", "writes"),
        ("data/e", "writes"),
        ("data", "removes"),
        ("other", "writes"),
        ("other", "removes"),
        ("other/d", "writes"),
        ("other/a", "writes"),
        ("other/e", "writes"),
    }


def test_where_a_port_or_a_door_is_bound_or_reached_is_told(hear: Hear) -> None:
    """Who binds it and who reaches it meet there."""
    found = hear("""
def test_it(monkeypatch):
    monkeypatch.chdir(HERE)
    with socket.socket() as server, socket.socket() as client:
        server.bind(("localhost", 0))
        server.listen()
        client.connect(server.getsockname())
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("door")
        server.listen()
        client.connect("door")
""")

    met = {
        (category, key.rpartition(":")[0] or key, way)
        for _, category, key, way in found
        if key == "door" or category == "network"
    }
    assert met == {
        ("network", "127.0.0.1", "connects"),
        ("filesystem", "door", "writes"),
        ("filesystem", "door", "reads"),
    }


@linux
def test_a_door_without_a_file_is_told_as_one_of_the_network(hear: Hear) -> None:
    found = hear("""
def test_it():
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as unnamed:
        server.bind("\\0shakeproof-tests-" + str(os.getpid()))
        unnamed.bind("")  # by which the system chooses a name that nobody has
""")

    ((_, category, key, way),) = found
    assert (category, key.rpartition("-")[0], way) == ("network", "@shakeproof-tests", "binds")


def test_an_address_that_is_no_port_is_passed_over(hear: Hear) -> None:
    """What it is, the system knows; nobody is told half of it."""
    found = hear("""
def test_it():
    sys.audit("socket.bind", None, (1,))
    sys.audit("socket.connect", None, (None, 80))
    sys.audit("socket.connect", None, ("::1", 80))
""")

    assert found == {("test_it", "network", "[::1]:80", "connects")}


def test_nothing_is_heard_outside_of_tests(hear: Hear) -> None:
    """What is done while the tests are collected is nobody's, and not heard of again when a test does nothing."""
    found = hear("""
with socket.socket() as server:
    server.bind(("127.0.0.1", 0))
    with socket.socket() as client:
        server.listen()
        client.connect(server.getsockname())
sqlite3.connect(HERE / "rides.sqlite3").close()
subprocess.run([sys.executable, "-c", ""], check=True)
(HERE / "x").touch()

def test_it():
    pass
""")

    assert found == set()


def test_databases_and_programs_are_told(hear: Hear) -> None:
    found = hear("""
def test_file():
    sqlite3.connect(HERE / "rides.sqlite3").close()

def test_memory():
    sqlite3.connect(":memory:").close()

def test_system():
    os.system("true")
""")

    assert found == {
        ("test_file", "database", "rides.sqlite3", "opens"),
        ("test_system", "process", "", "starts"),
    }


def test_what_the_system_and_python_have_is_not_told(hear: Hear) -> None:
    found = hear("""
def test_it():
    Path("/dev/null").write_text("x")
    Path(os.__file__).read_text()
    os.listdir("/proc/self")
    with open(os.open(os.devnull, os.O_RDONLY)) as by_number:
        by_number.read()
""")

    assert found == set()


def test_a_path_may_be_relative_to_the_current_or_an_open_folder(hear: Hear) -> None:
    found = hear("""
def test_current(monkeypatch):
    monkeypatch.chdir(HERE)
    Path("x").touch()
    Path("x").touch()

@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which folder that is")
def test_open():
    number = os.open(HERE, os.O_RDONLY)
    os.unlink("x", dir_fd=number)
    os.close(number)
""")

    ways = {(test, key, way) for test, _, key, way in found if key == "x"}
    assert {way for test, _, way in ways if test == "test_current"} == {"writes"}
    assert {way for test, _, way in ways if test == "test_open"} <= {"writes"}


def test_a_fixture_is_used_by_all_who_ask_for_it_as_long_as_it_lasts(hear: Hear) -> None:
    found = hear("""
@pytest.fixture(scope="class")
def database():
    connection = sqlite3.connect(HERE / "rides.sqlite3")
    yield connection
    connection.close()

@pytest.fixture(scope="session")
def idle():
    return 1

class TestIt:
    def test_first(self, database, idle): pass
    def test_other(self): pass
    def test_last(self, database): pass

def test_later(idle): pass
""")

    assert found == {
        (test, "database", "rides.sqlite3", "opens") for test in ("test_first", "test_last")
    }
