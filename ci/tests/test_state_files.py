"""What tests do to files is told, and can be undone."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest
from folders import tree
from hypothesis import given
from hypothesis import strategies as st

from shakeproof.inject.shakeproof_state.files import LARGEST, Files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shakeproof.inject.shakeproof_state.protocol import Change


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a project with a file and a folder in it."""
    project = tmp_path / "project"
    (project / "data").mkdir(parents=True)
    (project / "app.txt").write_text("old", encoding="utf-8")
    (project / "data" / "x").write_text("x", encoding="utf-8")
    return project


def changes(probe: Files, action: Callable[[], object]) -> list[Change]:
    before = probe.look()
    action()
    return list(probe.changes(before, probe.look()))


def seen(probe: Files, action: Callable[[], object]) -> dict[str, tuple[str | None, str | None]]:
    return {each.key: (each.before, each.after) for each in changes(probe, action)}


def test_a_file_that_is_new_is_told(folder: Path) -> None:
    probe = Files([str(folder)])

    assert seen(probe, (folder / "new").touch) == {"new": (None, "0 bytes")}


def test_a_file_that_was_written_is_told(folder: Path) -> None:
    probe = Files([str(folder)])

    assert seen(probe, lambda: (folder / "app.txt").write_bytes(b"longer")) == {
        "app.txt": ("3 bytes", "6 bytes")
    }


def test_another_content_of_the_same_size_is_told(folder: Path) -> None:
    probe = Files([str(folder)])

    assert seen(probe, lambda: (folder / "app.txt").write_bytes(b"new")) == {
        "app.txt": ("3 bytes", "3 bytes, other content")
    }


def test_the_same_content_written_again_is_no_change(folder: Path) -> None:
    probe = Files([str(folder)])

    assert seen(probe, lambda: (folder / "app.txt").write_bytes(b"old")) == {}


def test_a_file_that_was_removed_is_told(folder: Path) -> None:
    probe = Files([str(folder)])

    assert seen(probe, (folder / "app.txt").unlink) == {"app.txt": ("3 bytes", None)}


def test_another_mode_is_told(folder: Path) -> None:
    probe = Files([str(folder)])
    (folder / "app.txt").chmod(0o644)

    assert seen(probe, lambda: (folder / "app.txt").chmod(0o600)) == {
        "app.txt": ("3 bytes, mode 0o644", "3 bytes, mode 0o600")
    }


def test_a_folder_stands_for_what_is_in_it(folder: Path) -> None:
    probe = Files([str(folder)])

    assert seen(probe, lambda: shutil.rmtree(folder / "data")) == {"data": ("folder", None)}


def test_a_folder_that_was_renamed_is_one_gone_and_one_new(folder: Path) -> None:
    probe = Files([str(folder)])

    assert seen(probe, lambda: (folder / "data").rename(folder / "other")) == {
        "data": ("folder", None),
        "other": (None, "folder"),
    }


def test_a_socket_that_is_left_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)  # the address of a socket must be short
    probe = Files([str(folder)])

    def bind() -> None:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("s")

    assert seen(probe, bind) == {"s": (None, "socket")}


def test_a_file_made_and_removed_again_is_no_change(folder: Path) -> None:
    probe = Files([str(folder)])

    def use() -> None:
        (folder / "new").write_text("text", encoding="utf-8")
        (folder / "new").unlink()

    assert seen(probe, use) == {}


def test_a_file_that_another_process_made_and_the_test_removed_is_no_change(folder: Path) -> None:
    probe = Files([str(folder)])

    def use() -> None:
        code = "import sys; open(sys.argv[1], 'w').close()"
        subprocess.run([sys.executable, "-c", code, folder / "new"], check=True)
        (folder / "new").unlink()

    assert seen(probe, use) == {}


def test_what_is_written_to_an_open_file_is_told_when_it_is_written(folder: Path) -> None:
    """Only opening it is heard of."""
    probe = Files([str(folder)])
    with (folder / "log").open("w", encoding="utf-8") as log:
        probe.look()

        def write() -> None:
            log.write("line")
            log.flush()

        assert seen(probe, write) == {"log": ("0 bytes", "4 bytes")}


def test_a_relative_path_is_below_the_current_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "data")
    probe = Files([str(folder)])

    assert seen(probe, lambda: os.remove("x")) == {"data/x": ("1 byte", None)}  # noqa: PTH107


def test_a_path_in_bytes_is_one(folder: Path) -> None:
    probe = Files([str(folder)])

    assert seen(probe, lambda: os.remove(os.fsencode(folder / "app.txt"))) == {  # noqa: PTH107
        "app.txt": ("3 bytes", None)
    }


def test_a_name_that_is_no_text_can_be_put_back(folder: Path) -> None:
    name = os.path.join(os.fsencode(folder), b"\xff")  # noqa: PTH118
    probe = Files([str(folder)])
    before = probe.look()
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY))

    for change in probe.changes(before, probe.look()):
        probe.put_back(before, change.key)

    assert not os.path.exists(name)  # noqa: PTH110


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which folder that is")
def test_a_path_may_be_relative_to_an_open_folder(folder: Path) -> None:
    probe = Files([str(folder)])
    number = os.open(folder / "data", os.O_RDONLY)

    assert seen(probe, lambda: os.unlink("x", dir_fd=number)) == {"data/x": ("1 byte", None)}
    os.close(number)


def test_a_file_behind_a_link_is_told_by_its_own_name(folder: Path) -> None:
    (folder / "link").symlink_to("data")
    probe = Files([str(folder)])

    assert seen(probe, lambda: (folder / "link" / "x").write_bytes(b"")) == {
        "data/x": ("1 byte", "0 bytes")
    }


def test_what_is_behind_a_new_link_is_not_new_itself(folder: Path) -> None:
    """A path below the link may be known from an attempt that failed."""
    probe = Files([str(folder)])

    def use() -> None:
        with contextlib.suppress(FileNotFoundError):
            (folder / "link" / "x").touch()
        (folder / "link").symlink_to("data")

    assert seen(probe, use) == {"link": (None, "link to 'data'")}


def test_a_folder_that_could_not_be_moved_onto_a_link_is_no_change(folder: Path) -> None:
    (folder / "link").symlink_to("data")
    probe = Files([str(folder)])

    def use() -> None:
        with contextlib.suppress(NotADirectoryError):
            (folder / "data").rename(folder / "link")

    assert seen(probe, use) == {}


def test_files_elsewhere_do_not_count(folder: Path, tmp_path: Path) -> None:
    probe = Files([str(folder)])

    assert seen(probe, (tmp_path / "elsewhere").touch) == {}


@pytest.mark.parametrize(
    "name",
    [
        "__pycache__/app.pyc",
        ".pytest_cache/x",
        ".git/index",
        ".coverage",
        ".coverage.host.1",
        "pytest-of-me/pytest-0/x",
        "excluded/x",
    ],
)
def test_what_pytest_and_python_keep_for_themselves_does_not_count(folder: Path, name: str) -> None:
    probe = Files([str(folder)], [str(folder / "excluded")])

    def write() -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()

    told = seen(probe, write)

    assert name not in told
    assert set(told) <= {"pytest-of-me/pytest-0"}


def test_the_settings_of_coverage_count(folder: Path) -> None:
    probe = Files([str(folder)])

    assert seen(probe, (folder / ".coveragerc").touch) == {".coveragerc": (None, "0 bytes")}


def test_a_file_that_is_too_large_is_told_and_cannot_be_put_back(folder: Path) -> None:
    (folder / "large").write_bytes(bytes(LARGEST + 1))
    probe = Files([str(folder)])
    before = probe.look()

    (change,) = changes(probe, (folder / "large").unlink)

    assert not change.can_put_back
    with pytest.raises(LookupError):
        probe.put_back(before, change.key)


def test_the_only_copy_of_a_file_that_was_moved_is_not_removed(folder: Path) -> None:
    """It is new where it is, but what is in it cannot be had again."""
    (folder / "large").write_bytes(bytes(LARGEST + 1))
    (folder / "new").mkdir()
    probe = Files([str(folder)])
    before = probe.look()
    (folder / "new").rename(folder / "newer")
    (folder / "large").rename(folder / "newer" / "large")

    for change in probe.changes(before, probe.look()):
        if change.after is not None:
            assert not change.can_put_back
            with pytest.raises(LookupError):
                probe.put_back(before, change.key)

    assert (folder / "newer" / "large").exists()


def test_a_file_is_put_back_where_it_is(folder: Path) -> None:
    """Whoever has it open reads what was put back."""
    probe = Files([str(folder)])
    before = probe.look()
    with (folder / "app.txt").open("r+", encoding="utf-8") as file:
        file.write("new")
        file.flush()
        probe.look()

        probe.put_back(before, "app.txt")

        file.seek(0)
        assert file.read() == "old"


def test_a_file_can_be_put_back_to_any_look(folder: Path) -> None:
    probe = Files([str(folder)])
    (folder / "app.txt").write_text("second", encoding="utf-8")
    second = probe.look()
    (folder / "app.txt").write_text("third", encoding="utf-8")
    probe.look()

    probe.put_back(second, "app.txt")

    assert (folder / "app.txt").read_text(encoding="utf-8") == "second"


def test_what_was_put_back_is_no_change(folder: Path) -> None:
    probe = Files([str(folder)])
    before = probe.look()
    shutil.rmtree(folder / "data")
    probe.look()

    probe.put_back(before, "data")

    assert list(probe.changes(before, probe.look())) == []


def test_a_new_database_is_told_and_what_is_written_to_it_is_not(folder: Path) -> None:
    """What is in it is for another probe to say."""
    probe = Files([str(folder)])
    with contextlib.closing(sqlite3.connect(folder / "app.sqlite3")) as connection:
        connection.execute("CREATE TABLE rides (id)")
        connection.execute("INSERT INTO rides VALUES (1)")
        told = seen(probe, connection.commit)

    assert told == {}
    assert [each.key for each in probe.changes({}, probe.look())] == ["app.sqlite3"]


def test_a_database_made_and_removed_again_is_no_change(folder: Path) -> None:
    probe = Files([str(folder)])

    def use() -> None:
        with contextlib.closing(sqlite3.connect(folder / "app.sqlite3")) as connection:
            connection.execute("CREATE TABLE rides (id)")
        (folder / "app.sqlite3").unlink()

    assert seen(probe, use) == {}


def test_looking_at_a_database_leaves_its_locks_alone(folder: Path) -> None:
    """Closing any descriptor of a file drops all locks that the process has on it."""
    probe = Files([str(folder)])
    with contextlib.closing(
        sqlite3.connect(folder / "app.sqlite3", isolation_level=None)
    ) as connection:
        connection.execute("CREATE TABLE rides (id)")
        connection.execute("BEGIN IMMEDIATE")
        (folder / "app.sqlite3").chmod(0o640)
        probe.look()

        code = "import sys, sqlite3; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
        other = subprocess.run(
            [sys.executable, "-c", code, folder / "app.sqlite3"], capture_output=True, check=False
        )

    assert b"database is locked" in other.stderr


def test_what_was_written_by_another_name_is_told_by_both(folder: Path) -> None:
    probe = Files([str(folder)])
    (folder / "twin").hardlink_to(folder / "app.txt")

    assert seen(probe, lambda: (folder / "twin").write_bytes(b"new")) == {
        "app.txt": ("3 bytes", "3 bytes, other content"),
        "twin": ("3 bytes", "3 bytes, other content"),
    }


def test_a_probe_that_is_gone_hears_nothing(folder: Path) -> None:
    """Its hook cannot be removed: so nothing may hang on it."""
    probe = Files([str(folder)])
    (folder / "new").touch()
    held = probe._first
    del probe
    gc.collect()

    (folder / "newer").touch()

    assert str(folder / "newer") not in held


class Step(NamedTuple):
    """Something that a test does to files."""

    what: str
    name: str
    other: str


NAMES = ("a", "b", "d", "d/a", "d/e", "d/e/a", "f", "f/a")
FIRST = ("write", "append", "mkdir", "remove", "tree", "rename", "link", "chmod")


def some(*what: str) -> st.SearchStrategy[list[Step]]:
    name = st.sampled_from(NAMES)
    return st.lists(st.builds(Step, st.sampled_from(what), name, name), max_size=8)


# A file that has two names from the beginning is told by the one that a test uses, and no law says which.
BEFORE, STEPS = some(*FIRST), some(*FIRST, "hard")


def perform(folder: Path, steps: list[Step]) -> None:
    """Do what can be done; a step that is not possible there is left out."""
    for step in steps:
        with contextlib.suppress(OSError):
            _perform(step, folder / step.name, folder / step.other)


def _perform(step: Step, path: Path, other: Path) -> None:
    actions: dict[str, Callable[[], object]] = {
        "write": lambda: path.write_text(step.other, encoding="utf-8"),
        "append": lambda: _append(path),
        "mkdir": path.mkdir,
        "remove": path.unlink,
        "tree": lambda: shutil.rmtree(path),
        "rename": lambda: path.rename(other),
        "link": lambda: path.symlink_to(step.other),
        "hard": lambda: path.hardlink_to(other),
        "chmod": lambda: path.chmod(0o700),
    }
    actions[step.what]()


def _append(path: Path) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write("more")


@given(first=BEFORE, then=st.lists(STEPS, min_size=1, max_size=3))
def test_whatever_was_done_is_undone_piece_by_piece(
    tmp_path_factory: pytest.TempPathFactory, first: list[Step], then: list[list[Step]]
) -> None:
    folder = tmp_path_factory.mktemp("law")
    perform(folder, first)
    probe = Files([str(folder)])
    before, was = probe.look(), tree(folder)
    after = before
    for steps in then:
        perform(folder, steps)
        after = probe.look()

    for change in probe.changes(before, after):
        probe.put_back(before, change.key)

    assert tree(folder) == was


@given(first=BEFORE, then=STEPS)
def test_changes_are_told_where_there_are_some_and_nowhere_else(
    tmp_path_factory: pytest.TempPathFactory, first: list[Step], then: list[Step]
) -> None:
    folder = tmp_path_factory.mktemp("law")
    perform(folder, first)
    probe = Files([str(folder)])
    before, was = probe.look(), tree(folder)

    perform(folder, then)

    is_now = tree(folder)
    differs = {name for name in {*was, *is_now} if was.get(name) != is_now.get(name)}
    told = {change.key for change in probe.changes(before, probe.look())}
    assert told <= differs
    assert all(any(each == key or each.startswith(key + "/") for key in told) for each in differs)
