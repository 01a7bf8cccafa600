"""Which files, ports and databases each test uses: what others, in another process, may use at the same time.

Heard of through audit events, so it costs next to nothing: no look is taken at anything. What is heard is what Python
itself does in this process. Programs that a test starts have no such hook, and libraries in C tell nobody; that a test
started a program is told. Nor does Python tell of the question whether a file is there.
"""

from __future__ import annotations

import os
import sys
from types import MappingProxyType
from typing import Any, Dict, Generator, Iterable, Protocol, Tuple

import pytest

from .audit import Args, listen
from .disk import database_path
from .places import TEMPORARY, Places

MOST_TOLD = 1000  # of one test
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
SYSTEM = ("/bin/", "/etc/", "/lib/", "/lib64/", "/proc/", "/sbin/", "/sys/", "/usr/")
DEVICES, IN_MEMORY = "/dev/", "/dev/shm/"  # noqa: S108  (in the second are files as everywhere)
EVERYWHERE = "0.0.0.0"  # noqa: S104  (a name to compare with)

Touch = Tuple[str, str, str]  # category, key, way

# Kept from before any test could replace them.
_real, _cwd, _read_link, _is_folder = os.path.realpath, os.getcwd, os.readlink, os.path.isdir


class Sink(Protocol):
    """Where it is told."""

    def write(self, line: Dict[str, object]) -> None:
        """Tell one thing."""


class Touches:
    """A plugin that tells, when a test has ended, what it has used.

    What a fixture of a class, module, package or session uses while it is set up, each test uses that asks for it. Left
    out is what nobody else can have: `tmp_path`, the caches of Python and pytest, and what belongs to the system.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._temporary = os.environ.get("TMPDIR", "")  # as the laboratory has set it
        self._hears = False
        self._found: Dict[Touch, None] = {}
        self._known: Dict[
            Tuple[str, str], None
        ] = {}  # what need not be looked into again in this test
        self._lasting: Dict[str, Dict[Touch, None]] = {}  # by the name of a fixture

    def begin(self, config: pytest.Config, temporary: Iterable[str] = ()) -> None:
        """Hear of what happens from now on. `temporary` are further folders that count as the temporary one."""
        self._root = _real(str(config.rootpath)) + os.sep
        own = {_real(each) + os.sep for each in (self._temporary, *temporary) if each}
        self._temporaries = tuple(sorted(own))
        factory, cache = getattr(config, "_tmp_path_factory", None), getattr(config, "cache", None)
        kept = (getattr(factory, "_given_basetemp", None), getattr(cache, "_cachedir", None))
        self._places = Places(
            (self._root, *self._temporaries),
            [str(each) for each in kept if each],
            everywhere=True,
        )
        libraries = (sys.prefix, sys.base_prefix, os.path.dirname(os.__file__))
        theirs = (*SYSTEM, *(_real(each) + os.sep for each in libraries))
        # A project may lie below one of these.
        self._mine = (self._root, *self._temporaries)
        self._system = tuple(
            each for each in theirs if not any(folder.startswith(each) for folder in self._mine)
        )
        listen(self, HANDLERS)

    # What pytest calls.

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Begin once everything is collected."""
        self.begin(session.config)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, None, None]:
        """Hear what one test does, and tell it."""
        self._found, self._known, self._hears = {}, {}, True
        yield
        self._hears = False
        if self._found:
            told = [list(each) for each in list(self._found)[:MOST_TOLD]]
            self._sink.write({"event": "touched", "test": item.nodeid, "touches": told})

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, None, None]:
        """Note what a fixture uses that outlives the test for which it is set up."""
        if fixturedef.scope == "function":
            yield
            return
        before, self._found, self._known = self._found, {}, {}
        yield
        if self._found:
            self._lasting[fixturedef.argname] = self._found
        self._found = {**before, **self._found}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Add what the fixtures of the test use, as long as they last."""
        for name in getattr(item, "fixturenames", ()):
            self._found.update(self._lasting.get(name, {}))

    def pytest_fixture_post_finalizer(self, fixturedef: Any) -> None:
        """Forget a fixture."""
        if fixturedef.scope != "function":
            self._lasting.pop(fixturedef.argname, None)

    # What the hook calls.

    def _opened(self, args: Args) -> None:
        path, _, flags = args
        if not flags & WRITING:
            self._note(path, None, "reads")
        # A folder is opened for writing where a file is made in it that has no name, and that nobody else can find.
        elif self._hears and not _is_folder(path):
            self._note(path, None, "writes")

    def _read(self, args: Args) -> None:
        self._note(args[0], None, "lists")

    def _written(self, args: Args) -> None:
        self._note(args[0], None, "writes")

    def _marked(self, args: Args) -> None:
        self._note(args[0], args[-1], "writes")

    def _unlinked(self, args: Args) -> None:
        self._note(args[0], args[-1], "writes", follow=False)

    def _made(self, args: Args) -> None:
        self._note(args[0], args[-1], "makes", follow=False)

    def _removed(self, args: Args) -> None:
        self._note(args[0], args[1] if len(args) > 1 else None, "removes", follow=False)

    def _renamed(self, args: Args) -> None:
        self._note(args[0], args[2], "removes" if _is_folder(args[0]) else "writes", follow=False)
        self._note(args[1], args[3], "writes", follow=False)

    def _linked(self, args: Args) -> None:
        self._note(args[1], args[-1], "writes", follow=False)

    def _bound(self, args: Args) -> None:
        self._meet(args[1], "binds", "writes")

    def _reached(self, args: Args) -> None:
        self._meet(args[1], "connects", "reads")

    def _connected(self, args: Args) -> None:
        if self._hears:
            path = database_path(args[0])
            if path is not None and self._counts(path):
                self._found["database", self._told(path), "opens"] = None

    def _started(self, _: Args) -> None:
        if self._hears:
            self._found["process", "", "starts"] = None

    # What is noted.

    def _note(self, path: Any, folder: Any, way: str, *, follow: bool = True) -> None:
        if not self._hears or path is None or isinstance(path, int):
            return
        given = os.fsdecode(path)
        is_absolute = os.path.isabs(given)
        if is_absolute:
            if (given, way) in self._known:
                return
            self._known[given, way] = None
        else:
            relative = isinstance(folder, int) and folder >= 0
            top = _read_link("/proc/self/fd/{}".format(folder)) if relative else _cwd()
            given = os.path.join(top, given)
        if not self._counts(given):  # most do not: then it is found out soon
            return
        above, name = os.path.split(given.rstrip(os.sep))
        path = _real(given) if follow else os.path.join(_real(above), name)
        if self._counts(path):
            self._found["filesystem", self._told(path), way] = None

    def _counts(self, path: str) -> bool:
        if path.startswith(self._system) or path + os.sep in self._mine:
            return False
        if path.startswith(DEVICES) and not path.startswith(IN_MEMORY):
            return False
        return self._places.hold(path)

    def _told(self, path: str) -> str:
        """Name a file by its path from the nearest of the folders that are known."""
        inside = [each for each in self._mine if path.startswith(each)]
        nearest = max(inside, key=len, default="")
        prefix = TEMPORARY if nearest in self._temporaries else ""
        return prefix + path[len(nearest) :]

    def _meet(self, address: Any, way: str, way_of_file: str) -> None:
        """Note a port, or the file of a Unix socket. With port 0 the system chooses one that nobody has."""
        if not self._hears:
            return
        if isinstance(address, (str, bytes)):
            name = os.fsdecode(address)
            if name.startswith("\0"):
                self._found["network", "@" + name[1:], way] = None
            elif name:
                self._note(name, None, way_of_file, follow=False)
        elif isinstance(address, tuple) and len(address) > 1 and isinstance(address[1], int):
            host, port = address[:2]
            if port and isinstance(host, (str, bytes)):
                name = os.fsdecode(host) or EVERYWHERE
                name = "127.0.0.1" if name == "localhost" else name
                shape = "[{}]:{}" if ":" in name else "{}:{}"
                self._found["network", shape.format(name, port), way] = None


HANDLERS = MappingProxyType(
    {
        "open": Touches._opened,
        "os.listdir": Touches._read,
        "os.scandir": Touches._read,
        "os.truncate": Touches._written,
        "os.setxattr": Touches._written,
        "os.removexattr": Touches._written,
        "os.chmod": Touches._marked,
        "os.chown": Touches._marked,
        "os.utime": Touches._marked,
        "os.mkdir": Touches._made,
        "os.rmdir": Touches._removed,
        "os.remove": Touches._unlinked,
        "os.rename": Touches._renamed,
        "os.link": Touches._linked,
        "os.symlink": Touches._linked,
        "shutil.rmtree": Touches._removed,
        "socket.bind": Touches._bound,
        "socket.connect": Touches._reached,
        "sqlite3.connect": Touches._connected,
        "subprocess.Popen": Touches._started,
        "os.system": Touches._started,
        "os.posix_spawn": Touches._started,
        "os.fork": Touches._started,
    }
)
