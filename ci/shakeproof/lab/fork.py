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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from shakeproof.lab.fresh import LAUNCHER, POLL_SECONDS, SILENT_SECONDS, ended, pytest_arguments
from shakeproof.lab.guardian import Guardian, end_sessions
from shakeproof.lab.records import Record
from shakeproof.lab.room import check_room, needing_room
from shakeproof.model import Experiment, Kind, Run, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from shakeproof.lab.base import Target

LARGEST_DATAGRAM = (
    1 << 20
)  # bytes; Linux sends no more than its socket buffer, about 200 KiB; the rest goes to files
LOOK_SECONDS = 0.1  # how often the clock is looked at while nothing happens
IN_MEMORY = Path("/dev/shm")  # noqa: S108  (where temporary files cost no disk; folders in it get random names)
ROOM_NEEDED = 1 << 30  # bytes that have to be free there
PARTING_SECONDS = (
    5.0  # for the templates to end as pytest ends, with the fixtures and plugins of the session
)
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
    since: float = (
        0.0  # by the lab's clock, when it began what it is doing: a test, or what comes between two
    )
    hung: bool = False
    last: str = ""  # the test before a branch
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
    abandoned: bool = False  # nobody waits for it any more
    not_forked: bool = False  # behind its stem are threads or connections, which no fork could have


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
        # A clock that stands still while nobody listens: what a fork could not tell meanwhile is not its delay.
        self._clock = 0.0
        self._looked = time.monotonic()
        self.reseed: dict[str, bool] = {}  # by what gives random numbers

    def __enter__(self) -> Self:
        """Start the templates and wait until all have collected.

        Raises ForkUnsafeError where threads are running or connections are open after the collection.
        """
        try:
            self._guardian = self._open.enter_context(Guardian(self._folder))
            address = self._folder / "inbox"
            self._bind(address)
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
        for request in self._requests.values():
            _abandon(request)
        self._inbox.close()  # nobody shall wait to be heard
        for template in self._templates.values():
            os.close(template.requests)
        latest = time.monotonic() + PARTING_SECONDS
        while time.monotonic() < latest and not all(
            ended(template.process) for template in self._templates.values()
        ):
            time.sleep(POLL_SECONDS)
        end_sessions({template.process.pid for template in self._templates.values()})
        for template in self._templates.values():
            self._guardian.ended(template.process.pid)
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

    def at_once(self, jobs: int) -> Self:
        """Give the laboratory, from now on with another number of runs at a time."""
        self._jobs = jobs
        return self

    def run(self, experiments: Sequence[Experiment]) -> Iterator[Run]:
        """Yield each run as it ends."""
        trees = [(each, self._tree_of(each)) for each in experiments]
        for request in self._work(trees):
            (fork,) = request.forks.values()
            yield self._run_of(request, fork)

    def branch(self, experiment: Experiment, tree: Tree) -> Iterator[tuple[tuple[str, ...], Run]]:
        """Run a tree's stem once, and yield for each of its branches the ending and what it did."""
        for _, ending, run in self.branches([(experiment, tree)]):
            yield ending, run

    def branches(
        self, trees: Iterable[tuple[Experiment, Tree]]
    ) -> Iterator[tuple[Experiment, tuple[str, ...], Run]]:
        """Do so for several trees, `jobs` at a time; each answer names the experiment that it belongs to."""
        for experiment, _, ending in self._behind(trees):
            yield experiment, ending.collected, ending

    def pairs(self, plan: Iterable[tuple[Experiment, tuple[str, ...]]]) -> Iterator[Run]:
        """Run each experiment's tests, its stem, once; yield for each ending the run of the stem and that one test."""
        trees = [
            (each, Tree(self._tree_of(each).stem, tuple(Tree((ending,)) for ending in endings)))
            for each, endings in plan
        ]
        for experiment, stem, ending in self._behind(trees):
            tests = (*stem.collected, *ending.collected)
            yield replace(
                ending,
                experiment=replace(experiment, label=" then ".join(tests), tests=tests),
                collected=tests,
                outcomes=(*stem.outcomes, *ending.outcomes),
            )

    def _behind(
        self, trees: Iterable[tuple[Experiment, Tree]]
    ) -> Iterator[tuple[Experiment, Run, Run]]:
        """Yield, for each branch, its experiment, what its stem did, and what the ending did behind it."""
        apart: list[_Request] = []
        for request in self._work(trees):
            if request.not_forked:
                apart.append(request)
                continue
            stem = self._run_of(request, request.forks[min(request.forks)])
            for place, fork in request.forks.items():
                if len(place) > 1:
                    yield request.experiment, stem, self._run_of(request, fork)
        for request in apart:
            for before, tests in _ways(request.tree):
                asked = replace(request.experiment, tests=(*before, *tests))
                for run in self.run([asked]):
                    ran = len(before)
                    yield (
                        request.experiment,
                        replace(run, collected=before, outcomes=run.outcomes[:ran]),
                        replace(run, collected=tests, outcomes=run.outcomes[ran:]),
                    )

    def _work(self, trees: Iterable[tuple[Experiment, Tree]]) -> Iterator[_Request]:
        """Yield each request as it is complete. When the caller stops asking, what still runs is killed."""
        waiting = deque(trees)
        try:
            while waiting or any(not each.abandoned for each in self._requests.values()):
                while waiting and len(self._requests) < self._jobs:
                    self._ask(*waiting.popleft())
                yield from self._listen()
        finally:
            for request in self._requests.values():
                _abandon(request)

    def _template_for(self, experiment: Experiment) -> _Template:
        known = self._templates.get(-1 if experiment.hash_seed is None else experiment.hash_seed)
        return known or self._templates[self._hash_seeds[0]]

    def _tree_of(self, experiment: Experiment) -> Tree:
        """Say what an experiment runs. What is collected, and in which order, may follow the hash seed."""
        collected = self._template_for(experiment).record.collected
        return Tree(collected if experiment.tests is None else experiment.tests)

    def _ask(self, experiment: Experiment, tree: Tree) -> None:
        number = next(self._ids)
        template = self._template_for(experiment)
        tree = _known(tree, template.numbers)
        with needing_room(self._folder):
            folder = tempfile.TemporaryDirectory(dir=self._folder, ignore_cleanup_errors=True)
            # The tree may be larger than a pipe holds, and the template may be waiting to be heard itself.
            asked = Path(folder.name, "tree")
            asked.write_text(json.dumps(_numbered(tree, template.numbers)), encoding="utf-8")
        self._requests[number] = _Request(
            experiment, tree, template, folder, time.monotonic(), dict(_places((number,), tree))
        )
        request = {
            "id": number,
            "tree": str(asked),
            "folder": folder.name,
            "reseed": self.reseed,
        }
        try:
            os.write(template.requests, json.dumps(request).encode() + b"\n")
        except BrokenPipeError as error:
            raise _lost(template) from error

    def _await_templates(self) -> None:
        while not all(template.ready for template in self._templates.values()):
            gone = [each for each in self._templates.values() if ended(each.process)]
            message = self._receive()
            self._hear_template(message)
            if message is not None:  # it may have been the last word of one that has ended
                continue
            for template in self._templates.values():
                silent = time.monotonic() - template.begun > SILENT_SECONDS
                if not template.ready and (silent or template in gone):
                    check_room(self._folder, self._logs)
                    raise ForkUnsafeError(
                        f"the suite could not be collected once; see {template.log}"
                    )
        for template in self._templates.values():
            _check_forkable(template.ready or {})
        states = [(template.ready or {})["random"] for template in self._templates.values()]
        # Two processes with the same random state were seeded while they collected: the project wants it so.
        for source in states[0]:
            seen = [state[source] for state in states if source in state]
            self.reseed[source] = len(set(seen)) == len(seen)

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
            data = self._inbox.recv(LARGEST_DATAGRAM)
        except TimeoutError:
            return None
        message: dict[str, Any] = json.loads(data)
        if "file" in message:
            spilled = Path(message["file"])
            message = json.loads(spilled.read_bytes())
            spilled.unlink()
        return message

    def _listen(self) -> Iterator[_Request]:
        """Take in what the forks tell, for a moment, and yield the request that it completes."""
        message = self._receive()
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._look_at_the_clock()
        if message is None or message["of"][0] == "template":
            return
        place = tuple(message["of"])
        request = self._requests.get(place[0])
        if request is None or request.abandoned:
            if message["event"] == "begin":  # a branch whose stem is dead, or what nobody waits for
                _kill_group(message["process"])
            elif message["event"] == "end" and request is not None and len(place) == 1:
                self._close(request, place[0])
            return
        self._take(request, request.forks[place], message)
        if message["event"] == "end" and len(place) == 1:
            self._close(request, place[0])
            yield request

    def _take(self, request: _Request, fork: _Fork, message: dict[str, Any]) -> None:
        """Take in what one fork of a request tells."""
        match message["event"]:
            case "begin":
                fork.process = message["process"]
                fork.since = self._clock
            case "end":
                fork.status = message["status"]
            case "no forks":
                request.not_forked = True
            case _:
                fork.record.take(message)
                if message["event"] == "start" or not fork.record.running:
                    fork.since = self._clock
                self._on_progress(request.experiment.label, fork.record.ended)

    def _close(self, request: _Request, number: int) -> None:
        if any(fork.status for fork in request.forks.values()):
            check_room(self._folder)
        del self._requests[number]
        request.folder.cleanup()

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        self._clock += min(now - self._looked, 2 * LOOK_SECONDS)
        self._looked = now
        for request in self._requests.values():
            if ended(request.template.process):
                raise _lost(request.template)
            for fork in request.forks.values():
                # A test is running, or what fixtures do between two: a stem that is through waits for its branches.
                at_work = fork.record.running or fork.record.ended < len(fork.tree.stem)
                alive = fork.process and fork.status is None
                if alive and at_work and self._clock - fork.since > self._target.timeout:
                    fork.hung = True
                    _kill_group(fork.process)

    def _run_of(self, request: _Request, fork: _Fork) -> Run:
        collected = request.template.record
        if fork.last and fork.status and not fork.record.running and not fork.record.ended:
            # It ended before its first test: what was torn down for that belongs to the test before.
            fork.record.take({"event": "start", "test": fork.last})
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
        with needing_room(self._folder):
            (folder / "tmp").mkdir(parents=True)
        reading, writing = os.pipe()
        whole = Experiment(f"template {hash_seed}", Kind.DECLARED, hash_seed=hash_seed)
        request = {
            "arguments": pytest_arguments(self._target, whole),
            "active": [],
            "cache": str(folder / "cache"),
            "tests": None,
            "socket": str(address),
            "requests": reading,
            "template": hash_seed,
        }
        with needing_room(self._folder):
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
        self._guardian.started(process.pid)
        os.close(reading)
        return _Template(hash_seed, process, writing, log)

    def _bind(self, address: Path) -> None:
        try:
            self._inbox.bind(str(address))
        except OSError as error:  # the path of a socket has about 100 characters
            raise ForkUnsafeError(f"no socket can be made at {address} ({error})") from error


def _check_forkable(ready: dict[str, Any]) -> None:
    if ready["failed"]:
        raise ForkUnsafeError("the collection has errors")
    if ready["threads"]:
        names = ", ".join(ready["threads"])
        raise ForkUnsafeError(f"threads are running once the tests are collected ({names})")
    if ready["connections"]:
        raise ForkUnsafeError("network connections are open once the tests are collected")

    if not ready["tests"]:
        raise ForkUnsafeError("no tests were collected")


def _lost(template: _Template) -> ForkUnsafeError:
    return ForkUnsafeError(f"the process that had collected ended; see {template.log}")


def _places(place: Place, tree: Tree, last: str = "") -> Iterator[tuple[Place, _Fork]]:
    """List every fork that a tree asks for."""
    yield place, _Fork(tree, Record(collected=tree.stem), last=last)
    before = tree.stem[-1] if tree.stem else last
    for number, branch in enumerate(tree.branches):
        yield from _places((*place, number), branch, before)


def _ways(
    tree: Tree, before: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """List the endings of a tree, each with all that runs before it."""
    before += tree.stem
    for branch in tree.branches:
        yield before, branch.stem
        yield from _ways(branch, before)


def _known(tree: Tree, numbers: dict[str, int]) -> Tree:
    """Leave out, as a fresh process does, what was not collected: under another hash seed it may have been."""
    stem = tuple(test for test in tree.stem if test in numbers)
    return Tree(stem, tuple(_known(branch, numbers) for branch in tree.branches))


def _numbered(tree: Tree, numbers: dict[str, int]) -> dict[str, Any]:
    """Write a tree as the template reads it: tests by their place in the collection."""
    branches = [_numbered(branch, numbers) for branch in tree.branches]
    return {"run": [numbers[test] for test in tree.stem], "branches": branches}


def _abandon(request: _Request) -> None:
    """Kill what runs of a request."""
    request.abandoned = True
    for fork in request.forks.values():
        if fork.status is None:
            _kill_group(fork.process)


def _kill_group(process: int) -> None:
    if process:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process, signal.SIGKILL)


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Make a folder for temporary files: in memory where there is room, since most suites wait for their disk."""
    in_memory = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ROOM_NEEDED
    # Tests that write a script and run it need a file system that lets them; Docker's forbids it.
    in_memory = in_memory and not os.statvfs(IN_MEMORY).f_flag & os.ST_NOEXEC
    parent = IN_MEMORY if in_memory and os.access(IN_MEMORY, os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="shakeproof-", dir=parent, ignore_cleanup_errors=True)
