"""A PostgreSQL server for one run of the tests: started from the installed package, gone when the run is over.

The server has a keeper, a process of its own that runs this file: it makes a data directory, starts the server, and
waits until the run that asked for it has let go of the other end of a pipe. That happens however the run ends, with
`kill -9` too; then the keeper stops the server and deletes the directory.
"""

import json
import os
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

if sys.platform != "win32":
    import pwd

HOST = "127.0.0.1"
USER = "postgres"
"""The server's own user: its package makes it, and PostgreSQL does not run as root."""
PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Red Hat's, from PostgreSQL's own packages
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
READY = "database system is ready to accept connections"
TAKEN = "could not bind"
# Where TMPDIR is closed to the server's user; what lies there has a name of its own (mkdtemp).
TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108
TRIES = 5  # for a port that nobody else takes between the look and the start
FOR_TESTS = (
    # What the server holds is thrown away with it, so it need not survive a power failure. A server that matters
    # keeps all three at `on`.
    *("-c", "fsync=off"),
    *("-c", "synchronous_commit=off"),
    *("-c", "full_page_writes=off"),
    # Several workers, with several apps of 8 connections each.
    *("-c", "max_connections=200"),
    # Said on the standard error, where the keeper reads that the server is ready.
    *("-c", "logging_collector=off", "-c", "lc_messages=C", "-c", "log_min_messages=log"),
)


class NoServerError(Exception):
    """No PostgreSQL server can be started; `str()` of it is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, as the run that asked for it sees it."""

    address: str
    """Of its maintenance database, with a user who may do everything."""
    folder: str
    """Where it keeps its data."""
    keeper: "subprocess.Popen[str]"

    def stop(self) -> None:
        """Let go of the keeper, and wait until it has stopped the server and deleted its data."""
        self.keeper.communicate()


def find_programs(path: str | None = None, places: Sequence[str] | None = None) -> Path:
    """Return the folder with `initdb` and `postgres`, of the newest version where there are several.

    Programs on the path (`PATH` unless another is given) come first. Raises NoServerError where there are none.
    """
    on_path = shutil.which("initdb", path=path)
    found = [Path(on_path).resolve().parent] if on_path else []
    for pattern in PLACES if places is None else places:
        found += sorted(Path("/").glob(pattern.removeprefix("/")), key=_version, reverse=True)
    for folder in found:
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise NoServerError(
        "No PostgreSQL server is installed, which --database postgres starts; install one (on Debian and Ubuntu "
        "`apt-get install postgresql`), or put the folder of its programs `initdb` and `postgres` on PATH."
    )


def reachable_folder() -> str:
    """Return the folder for temporary files, or another one where the server's user does not get to that."""
    wanted = tempfile.gettempdir()
    if os.geteuid() != 0:
        return wanted
    for folder in (wanted, *TEMPORARY):
        way = (Path(folder).resolve(), *Path(folder).resolve().parents)
        if all(step.is_dir() and step.stat().st_mode & stat.S_IXOTH for step in way):
            return folder
    raise NoServerError(
        f"the user `{USER}` does not get to {wanted}; name another folder in TMPDIR"
    )


def start(programs: Path) -> Server:
    """Start a server, and return it when it takes connections; NoServerError says why it did not start."""
    # A session of its own: Ctrl-C is meant for the tests, which still need the server when they clean up.
    keeper = subprocess.Popen(
        [sys.executable, "-I", __file__, str(programs)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert keeper.stdout is not None
        told = json.loads(keeper.stdout.readline() or '{"problem": "its keeper ended"}')
    except BaseException:  # also Ctrl-C
        keeper.communicate()
        raise
    if "problem" in told:
        keeper.communicate()
        raise NoServerError(f"The PostgreSQL server of the tests did not start: {told['problem']}.")
    return Server(told["address"], told["folder"], keeper)


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"[0-9]+", str(folder))))


# From here on: the keeper.


def keep(programs: Path) -> None:
    """Run a server, tell its address on the standard output, and end it when the standard input ends."""
    with _server(programs) as told:
        print(json.dumps(told), flush=True)
        sys.stdin.read()  # nothing comes; it ends when the last who could write something has gone


@contextmanager
def _server(programs: Path) -> Iterator[dict[str, str]]:
    user = _user()
    with tempfile.TemporaryDirectory(
        prefix="postgres-", dir=reachable_folder(), ignore_cleanup_errors=True
    ) as folder:
        password = secrets.token_hex(16)
        secret = Path(folder, "password")
        secret.write_text(password, encoding="utf-8")
        if user is not None:
            os.chown(folder, user, -1)
            os.chown(secret, user, -1)
        data = str(Path(folder, "data"))
        _run(
            [
                *(str(programs / "initdb"), "--pgdata", data, "--username", USER),
                *("--auth", "scram-sha-256", "--pwfile", str(secret)),
                *("--encoding", "UTF8", "--no-locale", "--no-sync"),
            ],
            folder,
            user,
        )
        with _started(programs, data, folder, user) as port:
            yield {
                "address": f"postgresql://{USER}:{password}@{HOST}:{port}/postgres",
                "folder": folder,
            }


def _user() -> int | None:
    """Return the number of the user to run as; None for the present one."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(USER).pw_uid
    except KeyError:
        raise NoServerError(
            f"PostgreSQL does not run as root and there is no user `{USER}`; run the tests as another user"
        ) from None


def _run(command: Sequence[str], folder: str, user: int | None) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, user=user, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise NoServerError(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        raise NoServerError(" ".join(done.stderr.split()) or f"{command[0]} failed")


@contextmanager
def _started(programs: Path, data: str, folder: str, user: int | None) -> Iterator[int]:
    """Run the server on a free port, and give the port when it takes connections."""
    for _ in range(TRIES):
        port = _free_port()
        place = ("-D", data, "-h", HOST, "-p", str(port), "-k", folder)
        with subprocess.Popen(
            [str(programs / "postgres"), *place, *FOR_TESTS],
            cwd=folder,
            user=user,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as server:
            try:
                assert server.stderr is not None
                said: list[str] = []
                for line in server.stderr:
                    said.append(line)
                    if READY in line:
                        # Whatever else it says is read as well: a full pipe would stop the server.
                        Thread(target=deque, args=(server.stderr, 0), daemon=True).start()
                        yield port
                        return
            finally:
                with suppress(ProcessLookupError):
                    server.send_signal(signal.SIGQUIT)  # at once: nobody needs its data any more
                server.wait()
        if not any(TAKEN in line for line in said):
            break
    raise NoServerError(" ".join(" ".join(said).split()) or "it said nothing")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        keep(Path(sys.argv[1]))
    except NoServerError as problem:
        print(json.dumps({"problem": str(problem)}), flush=True)
