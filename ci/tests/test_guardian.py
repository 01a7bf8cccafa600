"""What is ended when a laboratory is gone: everything that it started, and nothing else."""

from __future__ import annotations

import io
import os
import runpy
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from shakeproof.lab import guardian

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Start = Callable[[Path], subprocess.Popen[bytes]]

WAITING = (sys.executable, "-I", "-S", "-c", "import signal; signal.pause()")
NOBODY = 999_999_999  # more than Linux ever gives as the id of a process


@pytest.fixture
def start() -> Iterator[Start]:
    """Give a function that starts a session of its own, with a temporary folder, that waits for ever."""
    started: list[subprocess.Popen[bytes]] = []

    def process(temporary: Path) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "TMPDIR": str(temporary)}
        started.append(subprocess.Popen(WAITING, env=environment, start_new_session=True))
        return started[-1]

    yield process
    for each in started:
        each.kill()
        each.wait()


def reaped(process: subprocess.Popen[bytes]) -> threading.Thread:
    """Collect its status as soon as it ends, as its parent does, and let its id go."""
    waiting = threading.Thread(target=process.wait)
    waiting.start()
    return waiting


def test_what_was_started_is_ended_and_what_was_ended_is_left_alone(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that was taken back may be somebody else's by now."""
    folder, outside = tmp_path / "lab", tmp_path / "outside"
    (folder / "tmp").mkdir(parents=True)
    named, taken_back, run_away = start(outside), start(outside), start(folder / "tmp")
    told = f"+{named.pid}\n+{taken_back.pid}\n-{taken_back.pid}\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(told))

    status = guardian.main(str(folder))

    assert status == 0
    assert [named.wait(), run_away.wait()] == [-signal.SIGKILL] * 2
    assert taken_back.poll() is None
    assert not folder.exists()


def test_a_folder_that_is_gone_already_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The laboratory removes it itself where it ends by itself. This is how it is started: as a script."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    monkeypatch.setattr(sys, "argv", [guardian.__file__, str(tmp_path / "gone")])

    with pytest.raises(SystemExit) as ended:
        runpy.run_path(guardian.__file__, run_name="__main__")

    assert ended.value.code == 0


def test_where_there_is_no_proc_sessions_are_ended_all_the_same(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other systems list their processes with `ps`."""
    monkeypatch.setattr(guardian, "PROC", tmp_path)
    one, other = start(tmp_path), start(tmp_path)
    waiting = reaped(one)

    guardian.end_sessions({one.pid}, tmp_path)

    waiting.join()
    assert one.returncode == -signal.SIGKILL
    assert other.poll() is None


def test_a_process_that_has_ended_but_is_not_collected_is_not_waited_for(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays in its session until its parent asks for its status, and cannot be killed any more."""
    process = start(tmp_path)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda process, _: killed.append(process))

    guardian.end_sessions({process.pid})

    assert killed == []


@pytest.mark.parametrize("sessions", [{NOBODY}, set[int]()], ids=["a session", "none"])
def test_a_process_that_ends_while_it_is_looked_at_is_passed_over(
    sessions: set[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then it has no session, or nothing tells how it is."""
    (tmp_path / "self").mkdir()
    (tmp_path / str(NOBODY)).mkdir()
    environment = f"HOME=/\0TMPDIR={tmp_path}/lab/tmp\0"
    (tmp_path / str(NOBODY) / "environ").write_text(environment, encoding="utf-8")
    monkeypatch.setattr(guardian, "PROC", tmp_path)
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda process, _: killed.append(process))

    guardian.end_sessions(sessions, tmp_path / "lab")

    assert killed == []


def test_what_cannot_be_ended_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's process in the same session, say: it is tried so many times and no more."""
    (tmp_path / "self").mkdir()
    (tmp_path / str(NOBODY)).mkdir()
    (tmp_path / str(NOBODY) / "environ").write_text(f"TMPDIR={tmp_path}/lab\0", encoding="utf-8")
    (tmp_path / str(NOBODY) / "stat").write_text("1 (a) b) S 1", encoding="utf-8")
    monkeypatch.setattr(guardian, "PROC", tmp_path)
    tried: list[int] = []

    def refuse(process: int, _: int) -> None:
        tried.append(process)
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)

    guardian.end_sessions(set(), tmp_path / "lab")

    assert set(tried) == {NOBODY}
    assert len(tried) == guardian.ROUNDS
