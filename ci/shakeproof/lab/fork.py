"""The laboratory that collects once and forks for each experiment: a probe costs milliseconds (Linux).

One process per hash seed, the template, collects the suite and then waits (`inject/shakeproof_template.py`). Each
experiment is a fork of it; one with branches forks again behind its stem, so that many endings share one beginning.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from shakeproof.lab.fresh import LAUNCHER, SILENT_SECONDS, pytest_arguments
from shakeproof.lab.records import Record
from shakeproof.model import Experiment, Kind, Run, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shakeproof.lab.base import Target

LARGEST_DATAGRAM = 1 << 20  # bytes; Linux sends no more than its socket buffer, about 200 KiB
LOOK_SECONDS = 0.1  # how often the clock is looked at while nothing happens
IN_MEMORY = Path("/dev/shm")  # noqa: S108  (where temporary files cost no disk; folders in it get random names)
ROOM_NEEDED = 1 << 30  # bytes that have to be free there
Place = tuple[int, ...]  # the request, then the branch of the branch


class ForkUnsafeError(Exception):
    """The suite cannot be forked after its collection; the message says why. Fresh processes can still run it."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Tests to run, and the endings to try from the state that they leave."""

    stem: tuple[str, ...]  # node ids
    branches: tuple[Tree, ...] = ()


@dataclass(slots=True)
class _Fork:
    """One place of a request: what its process has told so far."""

    tree: Tree
    record: Record
    process: int = 0
    heard: float = 0.0  # when it last told anything
    hung: bool = False
    status: int | None = None


@dataclass(slots=True)
class _Request:
    """An experiment under way."""

    experiment: Experiment
    tree: Tree
    template: _Template
    folder: tempfile.TemporaryDirectory[str]
    begun: float
    forks: dict[Place, _Fork]


@dataclass(slots=True)
class _Template:
    """A process that has collected, for one hash seed."""

    hash_seed: int
    process: subprocess.Popen[bytes]
    requests: int  # the descriptor to write requests to
    log: Path
    record: Record = field(default_factory=Record)
    numbers: dict[str, int] = field(default_factory=dict)  # by node id
    ready: dict[str, Any] | None = None
    begun: float = field(default_factory=time.monotonic)


class ForkLab:
    """Runs experiments in forks, `jobs` at a time. A context manager: leaving it ends every process it started."""

    def __init__(
        self,
        target: Target,
        logs: Path,
        on_progress: Callable[[str, int], None],
        *,
        jobs: int,
        hash_seeds: Sequence[int],
    ) -> None:
        self._target = target
        self._logs = logs
        self._on_progress = on_progress
        self._jobs = jobs
        self._ids = itertools.count(1)
        self._open = contextlib.ExitStack()
        self._folder = Path(self._open.enter_context(_temporary_folder()))
        self._inbox = self._open.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        self._hash_seeds = tuple(hash_seeds)
        self._templates: dict[int, _Template] = {}
        self._requests: dict[int, _Request] = {}
        self._looked = 0.0
        self.reseed = True

    def __enter__(self) -> Self:
        """Start the templates and wait until all have collected.

        Raises ForkUnsafeError where threads are running or connections are open after the collection.
        """
        try:
            address = self._folder / "inbox"
            self._inbox.bind(str(address))
            self._inbox.settimeout(LOOK_SECONDS)
            for hash_seed in self._hash_seeds:
                self._templates[hash_seed] = self._start(hash_seed, address)
            self._await_templates()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes and remove all temporary files."""
        for template in self._templates.values():
            os.close(template.requests)
            for request in self._requests.values():
                for fork in request.forks.values():
                    _kill_group(fork.process)
            _kill_group(template.process.pid)
            template.process.wait()
        self._templates.clear()
        for request in self._requests.values():
            request.folder.cleanup()
        self._requests.clear()
        self._open.close()

    @property
    def collected(self) -> tuple[str, ...]:
        """The node ids in the declared order."""
        return next(iter(self._templates.values())).record.collected

    def run(self, experiments: Sequence[Experiment]) -> Iterator[Run]:
        """Yield each run as it ends."""
        whole = self.collected
        trees = (
            (each, Tree(each.tests if each.tests is not None else whole)) for each in experiments
        )
        for request in self._work(trees):
            (fork,) = request.forks.values()
            yield self._run_of(request, fork)

    def branch(self, experiment: Experiment, tree: Tree) -> Iterator[tuple[tuple[str, ...], Run]]:
        """Run a tree's stem once, and yield for each of its branches the ending and what it did."""
        for request in self._work([(experiment, tree)]):
            for place, fork in request.forks.items():
                if len(place) > 1:
                    yield fork.tree.stem, self._run_of(request, fork)

    def _work(
        self, trees: Iterator[tuple[Experiment, Tree]] | list[tuple[Experiment, Tree]]
    ) -> Iterator[_Request]:
        waiting = deque(trees)
        while waiting or self._requests:
            while waiting and len(self._requests) < self._jobs:
                self._ask(*waiting.popleft())
            yield from self._listen()

    def _ask(self, experiment: Experiment, tree: Tree) -> None:
        number = next(self._ids)
        hash_seeds = self._hash_seeds
        hash_seed = experiment.hash_seed if experiment.hash_seed in hash_seeds else hash_seeds[0]
        template = self._templates[hash_seed or 0]
        folder = tempfile.TemporaryDirectory(dir=self._folder, ignore_cleanup_errors=True)
        self._requests[number] = _Request(
            experiment, tree, template, folder, time.monotonic(), dict(_places((number,), tree))
        )
        request = {
            "id": number,
            "tree": _numbered(tree, template.numbers),
            "folder": folder.name,
            "reseed": self.reseed,
        }
        os.write(template.requests, json.dumps(request).encode() + b"\n")

    def _await_templates(self) -> None:
        while not all(template.ready for template in self._templates.values()):
            self._hear_template(self._receive())
            for template in self._templates.values():
                silent = time.monotonic() - template.begun > SILENT_SECONDS
                if not template.ready and (silent or template.process.poll() is not None):
                    raise ForkUnsafeError(
                        f"the suite could not be collected once; see {template.log}"
                    )
        for template in self._templates.values():
            _check_forkable(template.ready or {})
        states = [(template.ready or {})["random"] for template in self._templates.values()]
        # Two processes with the same random state were seeded while they collected: the project wants it so.
        self.reseed = len(states) == 1 or len(set(states)) == len(states)

    def _hear_template(self, message: dict[str, Any] | None) -> None:
        if message is None or message["of"][:1] != ["template"]:
            return
        template = self._templates[message["of"][1]]
        if message["event"] == "ready":
            template.numbers = {test: place for place, test in enumerate(template.record.collected)}
            template.ready = message
        else:
            template.record.take(message)

    def _receive(self) -> dict[str, Any] | None:
        """Give the next message; None when nothing came for a moment."""
        try:
            message: dict[str, Any] = json.loads(self._inbox.recv(LARGEST_DATAGRAM))
        except TimeoutError:
            return None
        return message

    def _listen(self) -> Iterator[_Request]:
        """Take in what the forks tell, for a moment, and yield the request that it completes."""
        message = self._receive()
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._look_at_the_clock()
        if message is None or message["of"][0] not in self._requests:
            return
        place = tuple(message["of"])
        request = self._requests[place[0]]
        fork = request.forks[place]
        fork.heard = time.monotonic()
        match message["event"]:
            case "begin":
                fork.process = message["process"]
            case "end":
                fork.status = message["status"]
                if len(place) == 1:
                    del self._requests[place[0]]
                    request.folder.cleanup()
                    yield request
            case _:
                fork.record.take(message)
                self._on_progress(request.experiment.label, fork.record.ended)

    def _look_at_the_clock(self) -> None:
        now = self._looked = time.monotonic()
        for request in self._requests.values():
            if request.template.process.poll() is not None:
                raise ForkUnsafeError(
                    f"the process that had collected ended; see {request.template.log}"
                )
            for fork in request.forks.values():
                running = fork.process and fork.status is None and fork.record.running
                if running and now - fork.heard > self._target.timeout:
                    fork.hung = True
                    _kill_group(fork.process)

    def _run_of(self, request: _Request, fork: _Fork) -> Run:
        collected = request.template.record
        return Run(
            experiment=request.experiment,
            outcomes=fork.record.outcomes(Status.HUNG if fork.hung else Status.CRASHED),
            collected=fork.tree.stem,
            seconds=time.monotonic() - request.begun,
            exit_status=0 if fork.status is None else fork.status,
            collection_seconds=0.0,
            pytest=collected.session.get("pytest", ""),
            python=collected.session.get("python", ""),
            rootdir=Path(collected.session.get("rootdir", ".")),
            positional=tuple(collected.session.get("positional", ())),
            plugins=frozenset(collected.session.get("plugins", ())),
            log=request.template.log,
        )

    def _start(self, hash_seed: int, address: Path) -> _Template:
        folder = self._folder / f"template-{hash_seed}"
        (folder / "tmp").mkdir(parents=True)
        reading, writing = os.pipe()
        whole = Experiment(f"template {hash_seed}", Kind.DECLARED, hash_seed=hash_seed)
        request = {
            "arguments": pytest_arguments(self._target, whole, folder),
            "active": [],
            "tests": None,
            "socket": str(address),
            "requests": reading,
            "template": hash_seed,
        }
        (folder / "request").write_text(json.dumps(request), encoding="utf-8")
        log = self._logs / f"template-{hash_seed}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [self._target.python, str(LAUNCHER), str(folder / "request")],
                cwd=self._target.rootdir,
                env={**os.environ, "TMPDIR": str(folder / "tmp"), "PYTHONHASHSEED": str(hash_seed)},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                pass_fds=(reading,),
                start_new_session=True,
            )
        os.close(reading)
        return _Template(hash_seed, process, writing, log)


def _check_forkable(ready: dict[str, Any]) -> None:
    if ready["failed"]:
        raise ForkUnsafeError("the collection has errors")
    if ready["threads"]:
        names = ", ".join(ready["threads"])
        raise ForkUnsafeError(f"threads are running once the tests are collected ({names})")
    if ready["connections"]:
        raise ForkUnsafeError("network connections are open once the tests are collected")


def _places(place: Place, tree: Tree) -> Iterator[tuple[Place, _Fork]]:
    """List every fork that a tree asks for."""
    yield place, _Fork(tree, Record(collected=tree.stem))
    for number, branch in enumerate(tree.branches):
        yield from _places((*place, number), branch)


def _numbered(tree: Tree, numbers: dict[str, int]) -> dict[str, Any]:
    """Write a tree as the template reads it: tests by their place in the collection."""
    branches = [_numbered(branch, numbers) for branch in tree.branches]
    return {"run": [numbers[test] for test in tree.stem], "branches": branches}


def _kill_group(process: int) -> None:
    if process:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Make a folder for temporary files: in memory where there is room, since most suites wait for their disk."""
    in_memory = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ROOM_NEEDED
    parent = IN_MEMORY if in_memory and os.access(IN_MEMORY, os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="shakeproof-", dir=parent, ignore_cleanup_errors=True)
