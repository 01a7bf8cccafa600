"""Collect once, then run any order of the collected tests in a fork, as often as asked.

The process that has collected is the template: it runs no test itself. It reads requests, one JSON value a line, from
the descriptor it is given:

    {"id": 7, "folder": "/tmp/...", "reseed": {"random": true}, "tree": "/tmp/.../tree"}

where the file `tree` holds {"stem": [4, 2], "endings": [{"run": [5]}, {"run": [1, 3]}], "watch": false, "touches":
false, "temporary": ""}, and forks once for each. The fork runs the tests of the stem with those numbers, in that order,
from the state right after collection; then, for each ending, it forks again: "what if test 5 came next? what if tests
1 and 3?". That makes a checkpoint of the state behind test 2. With an empty stem the endings are short runs from the
state right after collection, which share the cost of getting there. What the forks see is sent to a socket, marked with
the place of the fork: [7], [7, 0].

A tree with "watch" is asked what its tests leave behind as well: which pieces of state each test of the stem changed,
and which are changed once the stem is over. An ending with "put_back" makes the pieces named there what they were
before the stem, or with "keep" all others, and then runs: what would have become of the test without that?

With "touches" each test of the stem tells which files, ports and databases it uses. "temporary" is the path of a
temporary folder that several forks have in common, as processes have that are started side by side.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import hashlib
import json
import os
import pickle
import random
import select
import signal
import sys
import tempfile
import threading
import warnings
from typing import TYPE_CHECKING, Any, Dict, FrozenSet, Iterator, List, Optional, Sequence, Tuple

import pytest
import shakeproof_real as real
import shakeproof_shared as shared
from shakeproof_files import CannotKeepError, Files
from shakeproof_sinks import SocketSink

if TYPE_CHECKING:
    from shakeproof_state.observer import Observer
    from shakeproof_state.protocol import Change
    from shakeproof_state.touches import Touches
    from shakeproof_state.watch import Watch

MOST_CHANGES = 300  # that are told of one test
NEEDED = ("pidfd_open",)  # of `os`: a Python that was built for old systems may be without
FORK_FAILED = 70  # exit status of a fork that failed outside any test (EX_SOFTWARE of sysexits.h)


class Template:
    """The plugin that takes the place of pytest's own loop over the tests."""

    def __init__(self, sink: SocketSink, requests: int) -> None:
        self._sink = sink
        self._requests = requests
        self._forks: Dict[int, int] = {}  # by the descriptor that tells of its end: the process
        self._places: Dict[int, int] = {}  # by process: its request
        self._temporary = self._collected_in = tempfile.gettempdir()
        self._common = ""
        self._log = os.fstat(1)
        self._outputs: Sequence[int] = ()
        self._cached: Sequence[Tuple[str, Optional[bytes]]] = ()
        self._observer: Optional[Observer] = None
        self._watch: Optional[Watch] = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Say what was collected, and serve until there are no more requests."""
        self._session = session
        # A doctest empties its names when it has run: one that runs twice needs them twice.
        doctests = [item for item in session.items if getattr(item, "dtest", None) is not None]
        self._globs = {item: dict(item.dtest.globs) for item in doctests}  # type: ignore[attr-defined]
        self._random = random.getstate()
        captures = _files_of_capture(session.config)
        self._parting = shared.Parting((self._requests,), captures)
        self._sink.write(
            {
                "event": "ready",
                "threads": [thread.name for thread in threading.enumerate()[1:]],
                "connections": shared.connections(),
                "memory": shared.memory_of_forks(),
                "loops": self._parting.waits,
                "lacking": [name for name in NEEDED if not hasattr(os, name)],
                "random": _digests_of_randomness(),
                "failed": session.testsfailed,
                "tests": len(session.items),
            }
        )
        if session.items and not session.testsfailed:
            # A collection here would touch what is shared with the forks. They thaw it again: tests may look at it.
            gc.freeze()
            # The forks part from the template's output, each for itself: what they can share of that is done here.
            self._cached = _cached(getattr(session.config, "cache", None))
            self._outputs = [
                number for number, found in shared.open_files() if _same(found, self._log)
            ]
            self._serve()
        return True

    def _serve(self) -> None:
        waiting = select.poll()
        waiting.register(self._requests, select.POLLIN)
        buffer = b""
        while True:
            for descriptor, _ in waiting.poll():
                if descriptor != self._requests:
                    waiting.unregister(descriptor)
                    self._bury(descriptor)
                    continue
                data = os.read(self._requests, 1 << 16)
                if not data:
                    return
                buffer += data
                *lines, buffer = buffer.split(b"\n")
                for line in lines:
                    waiting.register(self._fork(json.loads(line)), select.POLLIN)

    def _fork(self, request: Dict[str, Any]) -> int:
        place = (request["id"],)
        process = _fork()
        if process == 0:
            self._be_fork(request, place)
        descriptor = os.pidfd_open(process)
        self._forks[descriptor] = process
        self._places[process] = request["id"]
        return descriptor

    def _bury(self, descriptor: int) -> None:
        """Tell of a fork that ended, once whatever its tests had started is ended too."""
        process = self._forks.pop(descriptor)
        os.close(descriptor)
        self._sink.send(
            (self._places.pop(process),), {"event": "end", "status": _status_of(process)}
        )

    def _be_fork(self, request: Dict[str, Any], place: Sequence[int]) -> None:
        """Be the fork: run what is asked for, and end without a look back."""
        status = FORK_FAILED
        try:
            gc.unfreeze()
            os.setpgid(0, 0)
            os.close(self._requests)
            self._parting.part()
            self._sink.adopt(place)
            self._fall_silent()
            with open(request["tree"], encoding="utf-8") as file:
                tree = json.load(file)
            self._common = tree["temporary"]
            self._settle_in(request["folder"])
            self._reseed = request["reseed"]
            self._settle_randomness()
            status = self._grow(tree, place)
        except BaseException:  # noqa: BLE001  (whatever it was: a fork must never come back into the template)
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(status)

    def _fall_silent(self) -> None:
        """Part from the template's output and from its report files."""
        config = self._session.config
        plugins = config.pluginmanager
        nowhere = os.open(os.devnull, os.O_RDWR)
        # pytest keeps copies of the standard ones, and faulthandler has its own.
        for output in self._outputs:
            os.dup2(nowhere, output)
        for standard in (0, 1, 2):
            os.dup2(nowhere, standard)
        os.close(nowhere)
        if plugins.hasplugin("terminalreporter"):
            config.get_terminal_writer()._file = open(os.devnull, "w", encoding="utf-8")
        logs = getattr(plugins.getplugin("logging-plugin"), "log_file_handler", None)
        if logs is not None:
            former = logs.setStream(open(os.devnull, "w", encoding="utf-8"))
            if former is not None:
                former.close()  # left to its finalizer, it would complain to the fork's first test

    def _settle_in(self, folder: str) -> None:
        """Take a temporary folder and a cache of its own."""
        self._folder = folder
        config = self._session.config
        cache = getattr(config, "cache", None)
        os.makedirs(folder, exist_ok=True)
        if cache is not None:
            own = os.path.join(folder, "cache")
            for name, content in self._cached:  # folders before what is in them
                path = own + name
                if content is None:
                    os.mkdir(path)
                    continue
                with open(path, "wb") as file:
                    file.write(content)
            cache._cachedir = type(config.rootpath)(own)

        folder = os.path.join(folder, "tmp")
        os.mkdir(folder)
        temporary = os.environ["TMPDIR"] = self._common or folder
        if tempfile.tempdir == self._temporary:  # a project that set its own keeps it
            tempfile.tempdir = self._temporary = temporary
        factory = getattr(config, "_tmp_path_factory", None)
        if factory is not None:
            factory._basetemp = None
            factory._given_basetemp = type(config.rootpath)(folder) / "pytest"

    def _settle_randomness(self) -> None:
        """Be as random as a fresh process, or as little, where the project seeds while it is imported."""
        if not self._reseed["random"]:
            random.setstate(self._random)  # Python itself has reseeded it in the fork
        if self._reseed.get("numpy"):
            # As many bits as its old generator takes at once; to find some itself takes it half a millisecond.
            sys.modules["numpy"].random.seed(int.from_bytes(os.urandom(4), "little"))

    def _grow(self, tree: Dict[str, Any], place: Sequence[int]) -> int:
        """Run the stem of a tree, then each of its endings in a fork of its own; give the status of the stem."""
        endings = tree["endings"]
        before = _not_for_forks() if endings else frozenset()
        stem = self._items(tree["stem"])
        last = stem[-1] if stem else None
        self._begin(place)
        if tree["watch"]:
            own = [os.path.join(self._folder, each) for each in ("cache", "tmp/pytest")]
            self._observer, self._watch = _watch(str(self._session.config.rootpath), own)
            self._session.config.pluginmanager.register(self._watch)
            self._before = self._observer.look()
        if tree["touches"]:
            touches = _touches(self._sink)
            touches.begin(self._session.config, (self._collected_in,))
            self._session.config.pluginmanager.register(touches)
        status = self._run(stem, _sibling(last) if last and endings else None)
        if self._observer is not None and self._observer.notes:
            unseen = list(self._observer.notes)
            self._sink.send(place, {"event": "left", "test": "", "changes": [], "notes": unseen})
        if not endings or status == pytest.ExitCode.INTERRUPTED:
            return status
        files = self._files(before)
        if files is None:
            self._sink.send(place, {"event": "no forks"})
            return status
        for number, ending in enumerate(endings):
            try:
                files.put_back()
            except OSError:  # a test has left what cannot be removed or written
                self._sink.send(place, {"event": "no forks"})
                break
            self._end(ending, (*place, number), last)
        return status

    def _items(self, numbers: Sequence[int]) -> Sequence[pytest.Item]:
        return [self._session.items[number] for number in numbers]

    def _files(self, before: FrozenSet[object]) -> Optional[Files]:
        """Keep the temporary files, and pytest's cache, for each ending; None where not everything can be kept.

        Forks would have everything that waits for threads, and not the threads; and of a connection, a pipe, a lock,
        of what an event loop waits for, and of memory mapped to be shared, they would all have the same one.
        """
        if real.count_threads() > 1 or _not_for_forks() - before:
            return None
        self._parting.look_again()
        if self._parting.locks:
            return None
        try:
            return Files(self._folder)
        except CannotKeepError:
            return None

    def _begin(self, place: Sequence[int]) -> None:
        self._sink.send(place, {"event": "begin", "process": real.process_id()})
        self._session.shouldstop = self._session.shouldfail = False

    def _run(self, items: Sequence[pytest.Item], following: Optional[pytest.Item]) -> int:
        """Run tests as if `following` came behind them; give the status with which pytest would end."""
        session = self._session
        for number, item in enumerate(items):
            after = items[number + 1] if number + 1 < len(items) else following
            if item in self._globs:
                item.dtest.globs = dict(self._globs[item])  # type: ignore[attr-defined]
            # One test twice in a row: told that it comes next itself, pytest would not tear it down.
            nextitem = _sibling(item) if after is item else after
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
            if real.process_id() != self._sink.owner:
                real.end_process(0)  # a test forked, and its child came back into pytest
            if self._watch is not None:
                self._tell(item.nodeid, self._watch.end_of_test())
            if session.shouldfail or session.shouldstop:  # a test or a plugin wants no more tests
                return int(pytest.ExitCode.INTERRUPTED)
        return int(bool(session.testsfailed))

    def _tell(self, test: str, changes: Sequence[Change]) -> None:
        """Tell what a test left behind, or with no test, all that have run."""
        if changes:
            found = [list(each) for each in changes[:MOST_CHANGES]]
            self._sink.write({"event": "left", "test": test, "changes": found})

    def _restore(self, ending: Dict[str, Any]) -> None:
        """Tell what is changed before an ending, and put back what it says."""
        observer = self._observer
        if observer is None:
            return
        changes = observer.changes(self._before, observer.look())
        self._tell("", changes)
        pieces = [tuple(each) for each in ending.get("put_back", ())]
        if "keep" in ending:
            kept = {tuple(each) for each in ending["keep"]}
            pieces = [
                (each.probe, each.key) for each in changes if (each.probe, each.key) not in kept
            ]
        observer.put_back(self._before, pieces)
        self._session.config.pluginmanager.unregister(self._watch)
        self._watch = None  # what the ending itself leaves is nobody's question

    def _end(
        self, ending: Dict[str, Any], place: Sequence[int], last: Optional[pytest.Item]
    ) -> None:
        """Run an ending in a fork; `last` is the test before it, whose classes and modules are still set up."""
        items = self._items(ending["run"])
        state = real.random_state()
        process = _fork()
        if process == 0:
            status = FORK_FAILED
            try:
                real.lead_group(0, 0)
                self._parting.part()
                self._sink.adopt(place)
                self._begin(place)
                if (
                    last is None
                ):  # a short run of its own: a process that an earlier one left may still write
                    self._settle_in(os.path.join(self._folder, str(place[-1])))
                    self._settle_randomness()
                else:
                    real.set_random_state(
                        state
                    )  # what the tests before made of it, as in the real order
                    if items:
                        self._tear_down_until(items[0], last)
                self._restore(ending)
                status = self._run(items, None)
            except BaseException:  # noqa: BLE001  (as in `_be_fork`)
                sys.excepthook(*sys.exc_info())
            finally:
                real.end_process(status)
        self._sink.send(place, {"event": "end", "status": _status_of(process)})

    def _tear_down_until(self, following: pytest.Item, last: pytest.Item) -> None:
        """Tear down what the next test does not share; what fails there is the last test's error, as in pytest."""
        call = pytest.CallInfo.from_call(
            lambda: self._session._setupstate.teardown_exact(following),
            when="teardown",
            reraise=(pytest.exit.Exception, KeyboardInterrupt),
        )
        if call.excinfo is not None:
            if getattr(last, "funcargs", {}) is None:
                last.funcargs = {}  # type: ignore[attr-defined]  # pytest took them away; plugins look at them
            report = last.ihook.pytest_runtest_makereport(item=last, call=call)
            last.ihook.pytest_runtest_logstart(nodeid=last.nodeid, location=last.location)
            last.ihook.pytest_runtest_logreport(report=report)


def _files_of_capture(config: pytest.Config) -> Sequence[int]:
    """List the descriptors of the files into which pytest captures output: none where it does so in memory."""
    manager = config.pluginmanager.getplugin("capturemanager")
    capturing = getattr(manager, "_global_capturing", None)
    found = []
    for stream in (getattr(capturing, "out", None), getattr(capturing, "err", None)):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            found.append(stream.tmpfile.fileno())  # type: ignore[union-attr]
    return found


def _cached(cache: Any) -> Sequence[Tuple[str, Optional[bytes]]]:
    """Read what the collection wrote to pytest's cache: the paths below its folder, and the content of files.

    To write a handful of files again is a tenth of the work that it is for a fork to copy their folder.
    """
    top = "" if cache is None else str(cache._cachedir)
    found: List[Tuple[str, Optional[bytes]]] = []
    for folder, _, names in os.walk(top):
        found.append((folder[len(top) :], None))
        for path in (os.path.join(folder, name) for name in names):
            with open(path, "rb") as file:
                found.append((path[len(top) :], file.read()))
    return found


def _sibling(item: pytest.Item) -> pytest.Item:
    """Make up a next test that shares everything with this one but the test itself.

    Given it as the next item, pytest tears down the test's own fixtures, and leaves its class, module and session.
    """
    return copy.copy(item)


def _watch(root: str, excluded: Sequence[str]) -> Tuple[Observer, Watch]:
    """Make what looks at the state. It is loaded here, so that no other fork has in it what it needs."""
    with _own_modules():
        from shakeproof_state.observer import Observer, default_probes
        from shakeproof_state.watch import Watch
    observer = Observer(default_probes(root, excluded))
    return observer, Watch(observer)


def _touches(sink: SocketSink) -> Touches:
    """Make what hears of files, ports and databases; loaded here for the same reason."""
    with _own_modules():
        from shakeproof_state.touches import Touches
    return Touches(sink)


@contextlib.contextmanager
def _own_modules() -> Iterator[None]:
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _fork() -> int:
    with warnings.catch_warnings():
        # Python 3.12 warns of threads, those of native libraries among them; the controller has decided about that.
        warnings.simplefilter("ignore")
        return real.fork()


def _status_of(process: int) -> int:
    """Wait for a fork, end what is left of its process group, and give its status: negative for a signal.

    The group is ended before the status is collected: until then no other process can have the fork's id.
    """
    real.wait_id(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        real.kill_group(process, signal.SIGKILL)
    _, status = real.wait(process, 0)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _not_for_forks() -> FrozenSet[object]:
    """List what several forks cannot all go on with."""
    return shared.channels() | shared.shared_memory()


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _digests_of_randomness() -> Dict[str, str]:
    """Tell whether two templates have the same random state: then the project seeds it while it is imported."""
    states: Dict[str, object] = {"random": random.getstate()}
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        states["numpy"] = pickle.dumps(numpy.random.get_state())
    return {
        name: hashlib.sha256(repr(state).encode()).hexdigest() for name, state in states.items()
    }
