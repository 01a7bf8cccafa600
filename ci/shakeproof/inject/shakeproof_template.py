"""Collect once, then run any order of the collected tests in a fork, as often as asked.

The process that has collected is the template: it runs no test itself. It reads requests, one JSON value a line, from
the descriptor it is given:

    {"id": 7, "folder": "/tmp/...", "reseed": {"random": true}, "tree": "/tmp/.../tree"}

where the file `tree` holds {"run": [4, 2], "branches": [{"run": [5]}, {"run": [1]}]}, and forks once for each. The fork
runs the tests with those numbers, in that order, from the state right after collection; then, for each branch, it forks
again: "what if test 5 came next? what if test 1?". That makes a checkpoint of the state behind test 2. What the forks
see is sent to a socket, marked with the place of the fork: [7], [7, 0].
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
import shutil
import signal
import socket
import stat
import sys
import tempfile
import threading
import warnings
from typing import Any, Dict, Iterator, Optional, Sequence, Tuple

import pytest
from shakeproof_sinks import SocketSink

_socket = socket.socket  # from before the project could replace it
FORK_FAILED = 70  # exit status of a fork that failed outside any test (EX_SOFTWARE of sysexits.h)


class Template:
    """The plugin that takes the place of pytest's own loop over the tests."""

    def __init__(self, sink: SocketSink, requests: int) -> None:
        self._sink = sink
        self._requests = requests
        self._forks: Dict[int, int] = {}  # by the descriptor that tells of its end: the process
        self._places: Dict[int, int] = {}  # by process: its request
        self._temporary = tempfile.gettempdir()
        self._log = os.fstat(1)
        self._outputs: Sequence[int] = ()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Say what was collected, and serve until there are no more requests."""
        self._session = session
        self._random = random.getstate()
        self._sink.write(
            {
                "event": "ready",
                "threads": [thread.name for thread in threading.enumerate()[1:]],
                "connections": _connections(),
                "random": _digests_of_randomness(),
                "failed": session.testsfailed,
                "tests": len(session.items),
            }
        )
        if session.items and not session.testsfailed:
            # What is there is shared with the forks for good: no collector needs to touch it again. Garbage of the
            # collection stays what it is: its finalizers would otherwise complain to the first test of every fork.
            gc.freeze()
            self._outputs = [number for number, found in _open_files() if _same(found, self._log)]
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
        self._sink.send((self._places.pop(process),), {"event": "end", "status": _end(process)})

    def _be_fork(self, request: Dict[str, Any], place: Sequence[int]) -> None:
        """Be the fork: run what is asked for, and end without a look back."""
        status = FORK_FAILED
        try:
            os.setpgid(0, 0)
            os.close(self._requests)
            self._sink.adopt(place)
            self._fall_silent()
            self._settle_in(request["folder"])
            self._settle_randomness(request["reseed"])
            with open(request["tree"], encoding="utf-8") as file:
                tree = json.load(file)
            status = self._run(tree, place, None)
        except BaseException:  # noqa: BLE001  (whatever it was: a fork must never come back into the template)
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(status)

    def _fall_silent(self) -> None:
        """Part from the template's output and from its report files."""
        config = self._session.config
        plugins = config.pluginmanager
        nowhere = os.open(os.devnull, os.O_RDWR)
        for output in (
            self._outputs
        ):  # pytest keeps copies of the standard ones, and faulthandler has its own
            os.dup2(nowhere, output)
        capture = plugins.getplugin("capturemanager")
        if capture is not None:
            capture.stop_global_capturing()
        for standard in (0, 1, 2):
            os.dup2(nowhere, standard)
        os.close(nowhere)
        if capture is not None:
            capture.start_global_capturing()
            capture.suspend_global_capture(in_=False)
        if plugins.hasplugin("terminalreporter"):
            config.get_terminal_writer()._file = open(os.devnull, "w", encoding="utf-8")
        logs = getattr(plugins.getplugin("logging-plugin"), "log_file_handler", None)
        if logs is not None:
            parted = logs.setStream(open(os.devnull, "w", encoding="utf-8"))
            if parted is not None:
                parted.close()  # else Python warns of it, and where warnings are errors the first test fails

    def _settle_in(self, folder: str) -> None:
        """Take a temporary folder and a cache of its own."""
        config = self._session.config
        cache = getattr(config, "cache", None)
        if cache is not None:
            own = os.path.join(folder, "cache")
            if os.path.isdir(cache._cachedir):
                shutil.copytree(cache._cachedir, own)
            cache._cachedir = type(config.rootpath)(own)

        folder = os.path.join(folder, "tmp")
        os.mkdir(folder)
        os.environ["TMPDIR"] = folder
        if tempfile.tempdir == self._temporary:
            tempfile.tempdir = None  # to be looked up again; a project that set its own keeps it
        factory = getattr(config, "_tmp_path_factory", None)
        if factory is not None:
            factory._basetemp = None
            factory._given_basetemp = type(config.rootpath)(folder) / "pytest"

    def _settle_randomness(self, reseed: Dict[str, bool]) -> None:
        """Be as random as a fresh process, or as little, where the project seeds while it is imported."""
        if not reseed["random"]:
            random.setstate(self._random)  # Python itself has reseeded it in the fork
        if reseed.get("numpy"):
            sys.modules["numpy"].random.seed()

    def _run(self, tree: Dict[str, Any], place: Sequence[int], last: Optional[pytest.Item]) -> int:
        """Run the tests of a tree's stem, then each of its branches in a fork of its own.

        `last` is the test that ran before, whose classes, modules and packages are still set up. Gives the status
        with which pytest would end.
        """
        session, items = self._session, self._session.items
        self._sink.send(place, {"event": "begin", "process": os.getpid()})
        stem = [items[number] for number in tree["run"]]
        branches = tree.get("branches", [])
        session.shouldstop = session.shouldfail = False
        if last is not None and stem:
            self._tear_down_until(stem[0], last)
        for position, item in enumerate(stem):
            following: Optional[pytest.Item] = None
            if position + 1 < len(stem):
                following = stem[position + 1]
                # One test twice in a row: told that it comes next itself, pytest would not tear it down.
                following = _sibling(item) if following is item else following
            elif branches:
                following = _sibling(item)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if os.getpid() != self._sink.owner:
                os._exit(0)  # a test forked, and its child came back into pytest
            if session.shouldfail or session.shouldstop:  # a test or a plugin wants no more tests
                return int(pytest.ExitCode.INTERRUPTED)
        for number, branch in enumerate(branches):
            self._run_branch(branch, (*place, number), stem[-1] if stem else last)
        return int(bool(session.testsfailed))

    def _run_branch(
        self, branch: Dict[str, Any], place: Sequence[int], last: Optional[pytest.Item]
    ) -> None:
        state = random.getstate()
        process = _fork()
        if process == 0:
            status = FORK_FAILED
            try:
                os.setpgid(0, 0)
                random.setstate(state)  # what the tests before made of it, as in the real order
                self._sink.adopt(place)
                status = self._run(branch, place, last)
            except BaseException:  # noqa: BLE001  (as in `_be_fork`)
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(status)
        self._sink.send(place, {"event": "end", "status": _end(process)})

    def _tear_down_until(self, following: pytest.Item, last: pytest.Item) -> None:
        """Tear down what the next test does not share; what fails there is the last test's error, as in pytest."""
        call = pytest.CallInfo.from_call(
            lambda: self._session._setupstate.teardown_exact(following),
            when="teardown",
            reraise=(pytest.exit.Exception, KeyboardInterrupt),
        )
        if call.excinfo is not None:
            if (
                getattr(last, "funcargs", {}) is None
            ):  # pytest has taken them away; plugins look at them still
                last.funcargs = {}  # type: ignore[attr-defined]
            report = last.ihook.pytest_runtest_makereport(item=last, call=call)
            last.ihook.pytest_runtest_logstart(nodeid=last.nodeid, location=last.location)
            last.ihook.pytest_runtest_logreport(report=report)


def _sibling(item: pytest.Item) -> pytest.Item:
    """Make up a next test that shares everything with this one but the test itself.

    Given it as the next item, pytest tears down the test's own fixtures, and leaves its class, module and session.
    """
    return copy.copy(item)


def _fork() -> int:
    with warnings.catch_warnings():
        # Python 3.12 warns of threads, those of native libraries among them; the controller has decided about that.
        warnings.simplefilter("ignore")
        return os.fork()


def _end(process: int) -> int:
    """Wait for a fork, end what is left of its process group, and give its status: negative for a signal.

    The group is ended before the status is collected: until then no other process can have the fork's id.
    """
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _open_files() -> Iterator[Tuple[int, os.stat_result]]:
    """List the descriptors that are open, and what each refers to."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the one that listed them is closed by now
            yield int(name), os.fstat(int(name))


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _connections() -> int:
    """Count the network sockets that are open: forks would share them, and talk across each other."""
    found = 0
    for number, opened in _open_files():
        if stat.S_ISSOCK(opened.st_mode):
            with _socket(fileno=os.dup(number)) as connection:
                found += connection.family in (socket.AF_INET, socket.AF_INET6)
    return found


def _digests_of_randomness() -> Dict[str, str]:
    """Tell whether two templates have the same random state: then the project seeds it while it is imported."""
    states: Dict[str, object] = {"random": random.getstate()}
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        states["numpy"] = pickle.dumps(numpy.random.get_state())
    return {
        name: hashlib.sha256(repr(state).encode()).hexdigest() for name, state in states.items()
    }
