"""Files by ways that are seldom gone: descriptors, links, addresses, and more than can be kept."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sqlite3
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shakeproof.inject.shakeproof_state import audit, files
from shakeproof.inject.shakeproof_state.disk import entry_at
from shakeproof.inject.shakeproof_state.files import LARGEST, Files
from shakeproof.inject.shakeproof_state.places import Places

if TYPE_CHECKING:
    from collections.abc import Callable

Told = dict[str, tuple[str | None, str | None]]
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which file that is")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a project with a file, a link, and folders in each other."""
    project = tmp_path / "project"
    (project / "data" / "deep").mkdir(parents=True)
    (project / "app.txt").write_text("old", encoding="utf-8")
    (project / "data" / "deep" / "x").write_text("x", encoding="utf-8")
    (project / "link").symlink_to("app.txt")
    return project


def seen(probe: Files, action: Callable[[], object]) -> Told:
    before = probe.look()
    action()
    return {each.key: (each.before, each.after) for each in probe.changes(before, probe.look())}


def test_a_file_that_is_cut_without_being_opened_is_told(folder: Path) -> None:
    probe = Files([str(folder)])

    assert seen(probe, lambda: os.truncate(folder / "app.txt", 1)) == {
        "app.txt": ("3 bytes", "1 byte")
    }


@ON_LINUX
def test_a_file_may_be_named_by_a_descriptor(folder: Path) -> None:
    (folder / "app.txt").chmod(0o644)
    number = os.open(folder / "app.txt", os.O_RDONLY)
    probe = Files([str(folder)])

    told = seen(probe, lambda: os.chmod(number, 0o600))  # noqa: PTH101

    os.close(number)
    assert told == {"app.txt": ("3 bytes, mode 0o644", "3 bytes, mode 0o600")}


def test_a_port_is_no_file(folder: Path) -> None:
    probe = Files([str(folder)])

    with socket.socket() as server:
        assert seen(probe, lambda: server.bind(("127.0.0.1", 0))) == {}


@pytest.mark.parametrize(
    "address",
    [
        "file:{}/new.sqlite3",
        "file://{}/new.sqlite3",
        "file://localhost{}/new.sqlite3?mode=rwc#top",
        "file:{}/%6eew.sqlite3",
        "file:new.sqlite3",
    ],
)
def test_a_database_may_be_named_by_an_address(
    address: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    probe = Files([str(folder)])

    def connect() -> None:
        with contextlib.closing(sqlite3.connect(address.format(folder), uri=True)) as connection:
            connection.execute("CREATE TABLE rides (id)")

    assert set(seen(probe, connect)) == {"new.sqlite3"}


@pytest.mark.parametrize("name", [":memory:", "", "file:app.txt?mode=memory"])
def test_a_database_that_is_nowhere_is_no_file(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that happens to have its name is looked at like any other; a database's content is another's matter."""
    monkeypatch.chdir(folder)
    probe = Files([str(folder)])

    def connect_and_write() -> None:
        sqlite3.connect(name, uri=True).close()
        (folder / "app.txt").write_text("longer", encoding="utf-8")

    assert seen(probe, connect_and_write) == {"app.txt": ("3 bytes", "6 bytes")}


def test_what_is_written_to_a_database_that_was_there_is_not_told(folder: Path) -> None:
    def add(sql: str) -> None:
        with contextlib.closing(sqlite3.connect(folder / "app.sqlite3")) as connection:
            connection.execute(sql)
            connection.commit()

    add("CREATE TABLE rides (id)")
    probe = Files([str(folder)])

    assert seen(probe, lambda: add("CREATE TABLE stops (id)")) == {}


@pytest.mark.parametrize("there", [True, False], ids=["led elsewhere", "gone"])
def test_a_link_is_put_back(folder: Path, there: bool) -> None:  # noqa: FBT001
    probe = Files([str(folder)])
    before = probe.look()
    (folder / "link").unlink()
    if there:
        (folder / "link").symlink_to("data")

    for change in probe.changes(before, probe.look()):
        probe.put_back(before, change.key)

    assert (folder / "link").readlink() == Path("app.txt")


def test_a_folder_is_put_back_with_all_that_was_in_it(folder: Path) -> None:
    """And without what a test had made in it before it was moved away."""
    probe = Files([str(folder)])
    before = probe.look()
    (folder / "data" / "new").touch()
    probe.look()
    (folder / "data").rename(folder / "other")

    probe.put_back(before, "data")

    found = sorted(each.relative_to(folder) for each in (folder / "data").rglob("*"))
    assert found == [Path("data/deep"), Path("data/deep/x")]
    assert (folder / "data" / "deep" / "x").read_text(encoding="utf-8") == "x"


def test_what_cannot_be_made_again_where_it_was_is_said(folder: Path) -> None:
    probe = Files([str(folder)])
    before = probe.look()
    shutil.rmtree(folder / "data")
    (folder / "data").write_text("in the way", encoding="utf-8")
    probe.look()

    with pytest.raises(LookupError, match="data/deep/x"):
        probe.put_back(before, "data/deep/x")


def test_a_folder_of_more_files_than_are_looked_at_cannot_be_put_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it has gone is told; with a part of what was in it nobody is served."""
    monkeypatch.setattr(files, "MOST_BELOW", 1)
    probe = Files([str(folder)])
    before = probe.look()
    (folder / "data").rename(folder / "other")

    told = {each.key: each for each in probe.changes(before, probe.look())}

    assert set(told) == {"data", "other"}
    assert not told["data"].can_put_back
    with pytest.raises(LookupError):
        probe.put_back(before, "data")


def test_a_project_that_is_moved_away_is_looked_at_no_further(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the whole of what is looked at, and has no name in it itself."""
    monkeypatch.setattr(files, "MOST_BELOW", 1)
    probe = Files([str(folder)])

    def move_and_return() -> None:
        folder.rename(folder.with_name("away")).rename(folder)

    assert seen(probe, move_and_return) == {}


def test_of_many_open_files_the_youngest_are_looked_at_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each costs a question at every look, and no one file is worth much of that."""
    monkeypatch.setattr(files, "MOST_WATCHED", 1)
    probe = Files([str(folder)])
    with (folder / "one").open("wb", 0) as one, (folder / "two").open("wb", 0) as two:
        probe.look()
        (youngest,) = probe._watched

        def write() -> None:
            one.write(b"1")
            two.write(b"2")

        assert seen(probe, write) == {Path(youngest).name: ("0 bytes", "1 byte")}


def test_a_large_file_that_was_opened_and_not_written_is_no_change(folder: Path) -> None:
    """Its content is not kept: its size and its time tell whether anybody wrote it."""
    (folder / "large").write_bytes(bytes(LARGEST + 1))
    os.utime(folder / "large", (1, 1))
    probe = Files([str(folder)])

    def write(content: bytes) -> None:
        with (folder / "large").open("ab") as file:
            file.write(content)

    assert seen(probe, lambda: write(b"")) == {}
    assert set(seen(probe, lambda: write(b"x"))) == {"large"}


@ON_LINUX
def test_a_file_that_cannot_be_read_is_there_all_the_same() -> None:
    """Of this one not even root can read the beginning."""
    entry = entry_at("/proc/self/mem", LARGEST)

    assert (entry.kind, entry.content) == (stat.S_IFREG, None)


@pytest.mark.parametrize(
    ("root", "temporary", "path", "name"),
    [
        ("a", "b", "a/x", "x"),
        ("a", "b", "b/x", "TMPDIR/x"),
        ("a", "a/tmp", "a/tmp/x", "TMPDIR/x"),
        ("a", "a/tmp", "a/x", "x"),
        ("b/a", "b", "b/a/x", "x"),
        ("b/a", "b", "b/x", "TMPDIR/x"),
    ],
)
def test_a_file_is_called_by_its_place_in_the_nearer_folder(
    root: str, temporary: str, path: str, name: str, tmp_path: Path
) -> None:
    """What is in the temporary folder has the same name in each process; and a name leads back to its file."""
    places = Places([str(tmp_path / root), str(tmp_path / temporary)])

    assert places.told(str(tmp_path / path)) == name
    assert places.where(name) == str(tmp_path / path)


def test_what_goes_wrong_while_listening_is_nobody_elses_trouble() -> None:
    """An exception out of an audit hook would stop what the test is doing."""

    class Listener:
        heard = 0

    def fail(listener: Listener, _: audit.Args) -> None:
        listener.heard += 1
        raise RuntimeError

    listener = Listener()
    audit.listen(listener, {"shakeproof.tests": fail})

    sys.audit("shakeproof.tests")

    assert listener.heard == 1


def test_where_there_is_but_one_clock_it_is_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no `clock_gettime`."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delattr(time, "clock_gettime_ns", raising=False)

    assert isinstance(audit._clock()(), int)
