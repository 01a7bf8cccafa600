"""Ends what a laboratory started when the laboratory itself is killed: nothing else could, after SIGKILL.

Run as a script it reads a pipe whose other end only the laboratory's process holds, `+123` when the session 123 was
started and `-123` when it was ended. Once the pipe is closed, by whatever end of the laboratory, it ends every process
of the sessions left and every process that was started with a temporary folder inside the laboratory's own, however
far it has run away, and removes that folder. Standard library only: it starts in the time of a bare interpreter.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

PROC = Path("/proc")
ROUNDS = 100  # a process may be started while the others are ended: look again until none is found


class Guardian:
    """The laboratory's side. A context manager: leaving it ends everything that was started under its eyes."""

    def __init__(self, folder: Path) -> None:
        """Guard what is started with a temporary folder inside `folder`."""
        self._folder = folder

    def __enter__(self) -> Self:
        """Start watching."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(self._folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the laboratory
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Let it end what is left, and wait until it has."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()

    def started(self, session: int) -> None:
        """Name a session to end."""
        self._tell(f"+{session}")

    def ended(self, session: int) -> None:
        """Take back a name, before another process can get it."""
        self._tell(f"-{session}")

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101  (it was asked for)
        with contextlib.suppress(BrokenPipeError):  # somebody killed the guardian
            os.write(self._process.stdin.fileno(), f"{line}\n".encode())


def end_sessions(sessions: Collection[int], folder: Path | None = None) -> None:
    """Kill every process of these sessions, and every one that was started with a temporary folder in `folder`."""
    for _ in range(ROUNDS):
        found = [process for process in _processes() if _belongs(process, sessions, folder)]
        if not found:
            return
        for process in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)


def _processes() -> Iterator[int]:
    if PROC.joinpath("self").exists():
        names = [path.name for path in PROC.iterdir()]
    else:
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid="],  # noqa: S607  (wherever the system keeps it)
            capture_output=True,
            text=True,
            check=False,
        )
        names = listed.stdout.split()
    return (int(name) for name in names if name.isdigit() and int(name) != os.getpid())


def _belongs(process: int, sessions: Collection[int], folder: Path | None) -> bool:
    """Tell whether a process is one to end. One that has ended already, and waits for its parent, is not."""
    try:
        in_session = bool(sessions) and os.getsid(process) in sessions
        marked = folder is not None and _started_in(process, folder)
    except OSError:  # gone, or somebody else's
        return False
    return (in_session or marked) and not _is_zombie(process)


def _started_in(process: int, folder: Path) -> bool:
    environment = PROC / str(process) / "environ"
    marker = b"\0TMPDIR=" + os.fsencode(folder)
    return environment.exists() and marker in b"\0" + environment.read_bytes()


def _is_zombie(process: int) -> bool:
    status = PROC / str(process) / "stat"
    if not PROC.joinpath("self").exists():
        return False
    try:
        return status.read_bytes().rpartition(b")")[2].split()[0] in {b"Z", b"X"}
    except OSError:
        return True


def main(folder: str) -> int:
    """Watch until the laboratory is gone, then clear up."""
    sessions: set[int] = set()
    for line in sys.stdin:
        change = sessions.add if line.startswith("+") else sessions.discard
        change(int(line[1:]))
    end_sessions(sessions, Path(folder))
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
