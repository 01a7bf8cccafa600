"""Where the record of a run goes, and how files are put back between forks: also in odd circumstances."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from folders import tree
from injected import injected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    Speak = Callable[[list[object]], Any]

FULL = Path("/dev/full")


@pytest.fixture
def sinks() -> Iterator[ModuleType]:
    with injected("shakeproof_sinks") as module:
        yield module


@pytest.fixture
def files() -> Iterator[ModuleType]:
    with injected("shakeproof_files") as module:
        yield module


def test_a_record_has_one_value_a_line(sinks: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "record"
    path.write_text('{"before": 0}\n', encoding="utf-8")
    sink = sinks.FileSink(str(path))

    sink.write({"event": "start"})
    sink.write({"event": "end"})

    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"before": 0},
        {"event": "start"},
        {"event": "end"},
    ]


def test_what_a_test_closed_is_opened_again(sinks: ModuleType, tmp_path: Path) -> None:
    sink = sinks.FileSink(str(tmp_path / "record"))
    os.close(sink._file)

    sink.write({"event": "start"})

    assert (tmp_path / "record").read_text(encoding="utf-8") == '{"event": "start"}\n'


def test_the_child_of_a_test_that_came_back_into_pytest_writes_nothing(
    sinks: ModuleType, tmp_path: Path
) -> None:
    """It is a process of another id, which has all that its parent had."""
    sink = sinks.FileSink(str(tmp_path / "record"))
    sink.owner += 1

    sink.write({"event": "start"})

    assert (tmp_path / "record").read_bytes() == b""


@pytest.mark.skipif(not FULL.exists(), reason="there is no device that is always full")
def test_a_run_whose_record_has_no_room_ends_at_once(
    sinks: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception would look like the tests' own."""
    ended: list[int] = []

    def end(status: int) -> None:
        ended.append(status)
        raise SystemExit

    monkeypatch.setattr(sinks.real, "end_process", end)
    sink = sinks.FileSink(str(FULL))

    with pytest.raises(SystemExit):
        sink.write({"event": "start"})

    assert ended == [sinks.RECORD_LOST]


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Listen at `inbox` in the current folder: the address of a socket must be short."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("inbox")
        listening.setblocking(False)
        yield listening


@pytest.fixture
def speak(sinks: ModuleType, inbox: socket.socket) -> Iterator[Speak]:
    """Give a function that makes a sink for a place."""
    del inbox
    made = []

    def sink(place: list[object]) -> Any:  # noqa: ANN401
        made.append(sinks.SocketSink("inbox", place))
        return made[-1]

    yield sink
    for each in made:
        each._socket.close()


def heard(inbox: socket.socket) -> list[Any]:
    """Take in all that was sent."""
    found = []
    while True:
        try:
            found.append(json.loads(inbox.recv(1 << 20)))
        except BlockingIOError:
            return found


def phase(when: str) -> dict[str, object]:
    return {"event": "report", "when": when}


def test_the_phases_of_a_test_are_sent_together(speak: Speak, inbox: socket.socket) -> None:
    """Each value wakes who listens."""
    sink = speak(["template", 0])

    for when in ("setup", "call"):
        sink.write(phase(when))
    assert heard(inbox) == []
    sink.write(phase("teardown"))
    sink.write({"event": "finish"})

    assert heard(inbox) == [
        {
            "of": ["template", 0],
            "before": [phase("setup"), phase("call")],
            **phase("teardown"),
        },
        {"of": ["template", 0], "event": "finish"},
    ]


def test_a_fork_speaks_for_itself_and_not_of_what_came_before(
    speak: Speak, inbox: socket.socket
) -> None:
    sink = speak(["template", 0])
    sink.write(phase("setup"))

    sink.adopt([7, 0])
    sink.write({"event": "start"})

    assert heard(inbox) == [{"of": [7, 0], "event": "start"}]


def test_a_child_that_came_back_into_pytest_sends_nothing(
    speak: Speak, inbox: socket.socket
) -> None:
    sink = speak([])
    sink.owner += 1

    sink.write({"event": "start"})

    assert heard(inbox) == []


def test_what_is_too_large_for_a_datagram_goes_through_a_file(
    speak: Speak, inbox: socket.socket
) -> None:
    sink = speak([1])
    texts = ["x" * (1 << 24), "y" * (1 << 24)]

    for text in texts:
        sink.write({"event": "start", "test": text})

    names = [message["file"] for message in heard(inbox)]
    told = [json.loads(Path(name).read_text(encoding="utf-8")) for name in names]
    assert [(each["of"], each["test"]) for each in told] == [([1], text) for text in texts]


def test_a_socket_that_a_test_closed_is_found_again(speak: Speak, inbox: socket.socket) -> None:
    sink = speak([1])
    os.close(sink._socket.detach())

    sink.write({"event": "start"})

    assert heard(inbox) == [{"of": [1], "event": "start"}]


# By then its own socket is closed by nobody.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("door", ["removed", "left"])
def test_where_nobody_is_left_to_be_told_nothing_is_wrong(
    speak: Speak,
    inbox: socket.socket,
    door: str,
) -> None:
    """The laboratory is gone, and the fork is about to go."""
    sink = speak([1])
    inbox.close()
    if door == "removed":
        Path("inbox").unlink()

    sink.write({"event": "start"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with a bit of everything in it."""
    top = tmp_path / "kept"
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "b" / "x").write_text("x", encoding="utf-8")
    (top / "y").write_text("y", encoding="utf-8")
    (top / "link").symlink_to("y")
    return top


def test_whatever_was_done_to_files_is_undone(files: ModuleType, folder: Path) -> None:
    kept, was = files.Files(str(folder)), tree(folder)

    (folder / "a" / "b" / "x").unlink()
    (folder / "a" / "b").rmdir()
    (folder / "a" / "b").write_text("a file now", encoding="utf-8")
    (folder / "y").chmod(0o600)
    (folder / "link").unlink()
    (folder / "link").symlink_to("a")
    (folder / "new").mkdir()
    (folder / "new" / "z").touch()
    (folder / "new").chmod(0o500)
    kept.put_back()

    assert tree(folder) == was


def test_a_folder_is_put_back_as_often_as_it_takes(files: ModuleType, folder: Path) -> None:
    """What nobody has touched since is not written again."""
    kept, was = files.Files(str(folder)), tree(folder)
    seen = []
    for text in ("one", "another"):
        (folder / "y").write_text(text, encoding="utf-8")
        kept.put_back()
        seen.append(tree(folder))
    time = (folder / "y").stat().st_mtime_ns

    kept.put_back()

    assert seen == [was, was]
    assert (folder / "y").stat().st_mtime_ns == time


def test_who_holds_a_file_open_goes_on_with_the_same_one(files: ModuleType, folder: Path) -> None:
    kept = files.Files(str(folder))
    with (folder / "y").open("r+", encoding="utf-8") as held:
        held.write("longer")
        held.flush()

        kept.put_back()

        held.seek(0)
        assert held.read() == "y"


def test_what_cannot_be_put_back_is_not_kept(
    files: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pipes, what is too large altogether, and what cannot be read."""
    with monkeypatch.context() as patch:
        patch.setattr(files, "LARGEST", 1)
        with pytest.raises(files.CannotKeepError):
            files.Files(str(folder))
    with pytest.raises(files.CannotKeepError):
        files.Files(str(folder / "gone"))
    os.mkfifo(folder / "pipe")
    with pytest.raises(files.CannotKeepError, match="pipe"):
        files.Files(str(folder))


def test_a_file_without_a_name_is_made_where_memory_has_none() -> None:
    """A Python that was built for old systems lacks `memfd_create`."""
    with injected("shakeproof_real") as real:
        number = real._make_unnamed_file("any")
    try:
        os.write(number, b"x")
        assert (os.fstat(number).st_nlink, os.fstat(number).st_size) == (0, 1)
    finally:
        os.close(number)
