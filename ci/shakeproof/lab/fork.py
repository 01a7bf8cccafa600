"""The laboratory that collects once and forks for each experiment: a probe costs milliseconds (Linux).

One process per hash seed, the template, collects the suite and then waits (`inject/shakeproof_template.py`). Each
experiment is a fork of it; one with endings forks again behind its stem, so that many endings share one beginning.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import socket
import tempfile
import time
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from shakeproof.lab import templates
from shakeproof.lab.fresh import ended
from shakeproof.lab.guardian import Guardian
from shakeproof.lab.records import Record
from shakeproof.lab.requests import Fork, Request, is_stem, kill_group
from shakeproof.lab.room import check_room, needing_room
from shakeproof.lab.templates import ForkUnsafeError, Template
from shakeproof.lab.trees import Tree, bundled, is_short
from shakeproof.model import Run, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from shakeproof.lab.base import Target
    from shakeproof.lab.requests import Place
    from shakeproof.model import Endings, Experiment, Restoring

__all__ = ["ForkLab", "ForkUnsafeError"]

# Bytes; Linux sends no more than its socket buffer, about 200 KiB; the rest goes to files.
LARGEST_DATAGRAM = 1 << 20
LOOK_SECONDS = 0.1  # how often the clock is looked at while nothing happens
IN_MEMORY = Path("/dev/shm")  # noqa: S108  (where temporary files cost no disk; folders in it get random names)
ROOM_NEEDED = 1 << 30  # bytes that have to be free there


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
        self._templates: dict[int, Template] = {}
        self._requests: dict[int, Request] = {}
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
                template = templates.start(
                    self._target, self._logs, self._folder, address, hash_seed
                )
                self._templates[hash_seed] = template
                self._guardian.started(template.process.pid)
            self._await_templates()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes and remove all temporary files."""
        for request in self._requests.values():
            request.abandon()
        self._inbox.close()  # nobody shall wait to be heard
        templates.end(self._templates.values())
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
        """Yield each run as it ends. Short ones share what it costs to come to the state after the collection."""
        short = [each for each in experiments if is_short(each)]
        left: list[Experiment] = []
        with self._in_common(experiments) as temporary:
            others = [
                replace(self._tree_of(each), temporary=temporary if each.shares_temporary else "")
                for each in experiments
                if not is_short(each)
            ]
            for request, ending in self._work([*bundled(short, self._jobs), *others]):
                if ending is not None:
                    yield self._run_of(request, ending)
                elif not request.endings:
                    yield self._run_of(request, request.stem)
                else:  # one of them may have put an end to what they share: the rest is run without the others
                    left += [fork.experiment for fork in request.endings if fork.status is None]
        yield from self._singly(left)

    @contextlib.contextmanager
    def _in_common(self, experiments: Sequence[Experiment]) -> Iterator[str]:
        """Make the temporary folder of those experiments that share one; an empty path where none does."""
        if not any(each.shares_temporary for each in experiments):
            yield ""
            return
        with needing_room(self._folder):
            folder = tempfile.TemporaryDirectory(dir=self._folder, ignore_cleanup_errors=True)
        with folder as path:
            yield path

    def behind(self, plan: Iterable[tuple[Experiment, Endings]]) -> Iterator[Run]:
        """Run each experiment's tests once, as a stem; yield for each ending the run of the stem and that ending."""
        trees = [replace(self._tree_of(each), endings=endings) for each, endings in plan]
        left: list[Experiment] = []
        for request, ending in self._work(trees):
            if ending is not None:
                stem = self._run_of(request, request.stem)
                run = self._run_of(request, ending)
                tests = (*stem.collected, *run.collected)
                outcomes = (*stem.outcomes, *run.outcomes)
                way = _way(run.experiment, tests)
                yield replace(run, experiment=way, collected=tests, outcomes=outcomes)
            elif request.not_forked:
                stem_tests = request.stem.tests
                left += [
                    _way(each.experiment, (*stem_tests, *each.tests))
                    for each in request.endings
                    if each.status is None
                ]
        yield from self._singly(left)

    def restored(
        self, stem: Experiment, ending: tuple[str, ...], ways: Sequence[Restoring]
    ) -> Iterator[tuple[Restoring, Run]]:
        """Run a stem once, and behind it the ending in several ways, each with other pieces of state put back.

        The run tells what was left behind by then. Where no ending can be forked behind the stem, nothing is yielded.
        """
        size = max(1, -(-len(ways) // self._jobs))
        trees = [
            replace(
                self._tree_of(stem),
                endings=(ending,) * len(some),
                watch=True,
                restoring=some,
            )
            for some in (tuple(ways[start : start + size]) for start in range(0, len(ways), size))
        ]
        for request, fork in self._work(trees):
            if fork is not None and fork.way is not None:
                run = self._run_of(request, fork)
                left = (*request.stem.record.left, *run.left)
                yield fork.way, replace(run, left=left)

    def watched(self, experiment: Experiment) -> Iterator[Run]:
        """Run it, and tell what each of its tests leaves behind."""
        for request, _ in self._work([replace(self._tree_of(experiment), watch=True)]):
            yield self._run_of(request, request.stem)

    def _singly(self, experiments: Iterable[Experiment]) -> Iterator[Run]:
        """Run each in a fork that it shares with nothing."""
        for request, _ in self._work(self._tree_of(each) for each in experiments):
            yield self._run_of(request, request.stem)

    def _work(self, trees: Iterable[Tree]) -> Iterator[tuple[Request, Fork | None]]:
        """Yield each ending of a tree as it ends, and at last the tree itself, with no ending.

        When the caller stops asking, what still runs is killed.
        """
        waiting = deque(trees)
        try:
            while waiting or any(not each.abandoned for each in self._requests.values()):
                while waiting and len(self._requests) < self._jobs:
                    self._ask(waiting.popleft())
                yield from self._listen()
        finally:
            for request in self._requests.values():
                request.abandon()

    def _template_for(self, experiment: Experiment) -> Template:
        known = self._templates.get(-1 if experiment.hash_seed is None else experiment.hash_seed)
        return known or self._templates[self._hash_seeds[0]]

    def _tree_of(self, experiment: Experiment) -> Tree:
        """Say what an experiment runs. What is collected, and in which order, may follow the hash seed."""
        collected = self._template_for(experiment).record.collected
        return Tree(experiment, collected if experiment.tests is None else experiment.tests)

    def _ask(self, tree: Tree) -> None:
        number = next(self._ids)
        template = self._template_for(tree.experiment)
        tree = tree.known(template.numbers)
        with needing_room(self._folder):
            folder = tempfile.TemporaryDirectory(dir=self._folder, ignore_cleanup_errors=True)
            # The tree may be larger than a pipe holds, and the template may be waiting to be heard itself.
            asked = Path(folder.name, "tree")
            asked.write_text(json.dumps(tree.numbered(template.numbers)), encoding="utf-8")
        last = tree.stem[-1] if tree.stem else ""
        stem = Fork(tree.experiment, tree.stem, Record(collected=tree.stem))
        endings = [
            Fork(experiment, tests, Record(collected=tests), last, way)
            for experiment, tests, way in zip(
                tree.experiments, tree.endings, tree.ways, strict=True
            )
        ]
        self._requests[number] = Request(template, folder, stem, endings)
        template.ask(
            {"id": number, "tree": str(asked), "folder": folder.name, "reseed": self.reseed}
        )

    def _await_templates(self) -> None:
        while not all(template.ready for template in self._templates.values()):
            gone = [each for each in self._templates.values() if ended(each.process)]
            message = self._receive()
            self._hear_template(message)
            if message is not None:  # it may have been the last word of one that has ended
                continue
            for template in self._templates.values():
                if template.silent or (template in gone and not template.ready):
                    check_room(self._folder, self._logs)
                    raise ForkUnsafeError(
                        f"the suite could not be collected once; see {template.log}"
                    )
        templates.check_forkable(self._templates.values())
        self.reseed = templates.reseeding(self._templates.values())

    def _hear_template(self, message: dict[str, Any] | None) -> None:
        if message is not None and message["of"][:1] == ["template"]:
            self._templates[message["of"][1]].hear(message)

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

    def _listen(self) -> Iterator[tuple[Request, Fork | None]]:
        """Take in what is told next, if that is soon; yield the request and its ending, or none, that it ends."""
        message = self._receive()
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._look_at_the_clock()
        if message is not None and message["of"][0] != "template":
            yield from self._hear(tuple(message["of"]), message)

    def _hear(self, place: Place, message: dict[str, Any]) -> Iterator[tuple[Request, Fork | None]]:
        """Hear the fork at a place. What nobody waits for, or has outlived its stem, is killed as soon as it begins."""
        request = self._requests.get(place[0])
        awaited = request is not None and not request.abandoned
        if request is not None and awaited:
            self._take(request, request.at(place), message)
        elif message["event"] == "begin":
            kill_group(message["process"])
        if request is None or message["event"] != "end":
            return
        ending = None if is_stem(place) else request.at(place)
        if ending is None:
            self._close(request, place[0])
        if awaited:
            yield request, ending

    def _take(self, request: Request, fork: Fork, message: dict[str, Any]) -> None:
        """Take in what one fork of a request tells."""
        match message["event"]:
            case "begin":
                fork.process = message["process"]
                fork.since = self._clock
                fork.begun = time.monotonic()
            case "end":
                fork.status = message["status"]
            case "no forks":
                request.not_forked = True
            case _:
                fork.record.take(message)
                if message["event"] == "start" or not fork.record.running:
                    fork.since = self._clock
                self._on_progress(fork.experiment.label, fork.record.ended)

    def _close(self, request: Request, number: int) -> None:
        if any(fork.status for fork in request.forks):
            check_room(self._folder)
        del self._requests[number]
        for fork in request.endings:
            if fork.status is None:  # its parent is dead, and with it who would tell of its end
                kill_group(fork.process)
        request.folder.cleanup()

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        self._clock += min(now - self._looked, 2 * LOOK_SECONDS)
        self._looked = now
        for request in self._requests.values():
            if ended(request.template.process):
                raise request.template.lost()
            for fork in request.forks:
                # A test is running, or what fixtures do between two: a stem that is through waits for its endings.
                at_work = fork.record.running or fork.record.ended < len(fork.tests)
                alive = fork.process and fork.status is None
                if alive and at_work and self._clock - fork.since > self._target.timeout:
                    fork.hung = True
                    kill_group(fork.process)

    def _run_of(self, request: Request, fork: Fork) -> Run:
        collected = request.template.record
        if fork.last and fork.status and not fork.record.running and not fork.record.ended:
            # It ended before its first test: what was torn down for that belongs to the test before.
            fork.record.take({"event": "start", "test": fork.last})
        seconds = time.monotonic() - fork.begun
        return Run(
            experiment=fork.experiment,
            outcomes=fork.record.outcomes(Status.HUNG if fork.hung else Status.CRASHED, seconds),
            collected=fork.tests,
            seconds=seconds,
            exit_status=0 if fork.status is None else fork.status,
            collection_seconds=0.0,
            pytest=collected.session.get("pytest", ""),
            python=collected.session.get("python", ""),
            rootdir=Path(collected.session.get("rootdir", ".")),
            positional=tuple(collected.session.get("positional", ())),
            plugins=frozenset(collected.session.get("plugins", ())),
            left=tuple(fork.record.left),
            notes=tuple(fork.record.notes),
            touched=tuple(fork.record.touched),
            log=request.template.log,
        )

    def _bind(self, address: Path) -> None:
        try:
            self._inbox.bind(str(address))
        except OSError as error:  # the path of a socket has about 100 characters
            raise ForkUnsafeError(f"no socket can be made at {address} ({error})") from error


def _way(stem: Experiment, tests: tuple[str, ...]) -> Experiment:
    """Say what an ending and all before it come to."""
    return replace(stem, label=" then ".join(tests), tests=tests)


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Make a folder for temporary files: in memory where there is room, since most suites wait for their disk."""
    in_memory = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ROOM_NEEDED
    # Tests that write a script and run it need a file system that lets them; Docker's forbids it.
    in_memory = in_memory and not os.statvfs(IN_MEMORY).f_flag & os.ST_NOEXEC
    parent = IN_MEMORY if in_memory and os.access(IN_MEMORY, os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="shakeproof-", dir=parent, ignore_cleanup_errors=True)
