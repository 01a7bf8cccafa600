"""The laboratory that starts a new pytest process for each experiment. It works everywhere, and it is the judge."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shakeproof.lab.guardian import Guardian, end_sessions
from shakeproof.lab.records import Record
from shakeproof.lab.room import check_recorded, needing_room
from shakeproof.model import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shakeproof.lab.base import Target
    from shakeproof.model import Experiment, Run

LAUNCHER = Path(__file__).parent.parent / "inject" / "launch.py"
POLL_SECONDS = 0.05
SILENT_SECONDS = 300.0  # a run in which no test is running may say nothing for this long (collection, session fixtures)


@dataclass(frozen=True, slots=True)
class FreshLab:
    """Runs experiments in fresh processes, `jobs` at a time, and keeps what they print in `logs`."""

    target: Target
    logs: Path
    # Is told the label of a run and how many tests have ended so far, from several threads.
    on_progress: Callable[[str, int], None]
    jobs: int = 1
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))  # of the logs

    def at_once(self, jobs: int) -> FreshLab:
        """Give the same laboratory with another number of runs at a time."""
        return replace(self, jobs=jobs)

    def run(self, experiments: Sequence[Experiment]) -> Iterator[Run]:
        """Yield each run as it ends. When the caller stops asking, what still runs is killed."""
        stop = threading.Event()
        pool = ThreadPoolExecutor(max_workers=self.jobs)
        with (
            tempfile.TemporaryDirectory(prefix="shakeproof-", ignore_cleanup_errors=True) as folder,
            Guardian(Path(folder)) as guardian,
        ):
            try:
                started = [
                    pool.submit(
                        self._one, Path(folder), guardian, next(self._numbers), experiment, stop
                    )
                    for experiment in experiments
                ]
                for done in as_completed(started):
                    yield done.result()
            finally:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)

    def _one(
        self,
        parent: Path,
        guardian: Guardian,
        number: int,
        experiment: Experiment,
        stop: threading.Event,
    ) -> Run:
        log = self.logs / f"{experiment.kind}-{number:03}.log"
        with (
            needing_room(parent),
            tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as folder,
        ):
            run = self._run_in(Path(folder), guardian, experiment, log, stop)
            if run.exit_status:
                check_recorded(run.exit_status, Path(folder), log)
            return run

    def _run_in(
        self,
        folder: Path,
        guardian: Guardian,
        experiment: Experiment,
        log_file: Path,
        stop: threading.Event,
    ) -> Run:
        record_file, request_file = folder / "record", folder / "request"
        # The folder of all runs that are made together: a name of its own has none of them.
        scratch = (folder.parent if experiment.shares_temporary else folder) / "tmp"
        scratch.mkdir(exist_ok=True)
        record_file.touch()
        request = {
            "arguments": pytest_arguments(self.target, experiment),
            "record": str(record_file),
            "active": sorted(experiment.plugins | _looking(experiment)),
            "cache": str(folder / "cache"),
            "tests": experiment.tests,
            "imports": experiment.imports and experiment.imports.as_json(),
            "code": experiment.condition.code if experiment.condition else "",
            "touches": experiment.touches,
        }
        request_file.write_text(json.dumps(request), encoding="utf-8")
        begun = time.monotonic()
        with log_file.open("wb") as log, record_file.open(encoding="utf-8") as record:
            process = subprocess.Popen(
                [self.target.python, str(LAUNCHER), str(request_file)],
                cwd=_start_folder(self.target, experiment, folder),
                env=_environment(experiment, scratch),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # its own session: whatever the tests start can be ended with it
            )
            guardian.started(process.pid)
            watched = _Watch(Record(), record, self.target.timeout)
            left_running = Status.CRASHED
            try:
                while not ended(process):
                    time.sleep(POLL_SECONDS)
                    watched.look()
                    self.on_progress(experiment.label, watched.record.ended)
                    if stop.is_set():
                        left_running = Status.NOT_RUN
                        break
                    if watched.overdue():
                        left_running = Status.HUNG
                        break
            finally:
                _end(process, guardian)
            watched.look()
        return watched.record.run(
            experiment,
            left_running=left_running,
            seconds=time.monotonic() - begun,
            exit_status=process.returncode,
            log=log_file,
        )


class _Watch:
    """Follows a record while it is written, and knows when a test has taken too long."""

    def __init__(self, record: Record, file: Iterator[str], timeout: float) -> None:
        self.record = record
        self._file = file
        self._timeout = timeout
        self._partial = ""
        self._since: dict[str, float] = {}
        self._last_event = time.monotonic()

    def look(self) -> None:
        """Take in the lines that have come since the last look."""
        for piece in self._file:
            self._partial += piece
            if self._partial.endswith("\n"):
                self.record.feed(self._partial)
                self._partial = ""
                self._last_event = time.monotonic()
        now = time.monotonic()
        self._since = {test: self._since.get(test, now) for test in self.record.running}

    def overdue(self) -> bool:
        """Tell whether a test has run past its time, or the whole run has fallen silent."""
        now = time.monotonic()
        if self._since:
            return any(now - since > self._timeout for since in self._since.values())
        return now - self._last_event > max(SILENT_SECONDS, self._timeout)


def pytest_arguments(target: Target, experiment: Experiment) -> list[str]:
    """Say what pytest is called with: what the user gave, or the experiment's own, then the experiment's options."""
    given = target.pytest_arguments if experiment.arguments is None else experiment.arguments
    return [*given, *experiment.options, "--color=no"]


def _looking(experiment: Experiment) -> frozenset[str]:
    """Let an experiment collect and no more, where it says so itself: the project's `addopts` shall not."""
    return frozenset({"collection"} if "--collect-only" in experiment.options else ())


def _environment(experiment: Experiment, scratch: Path) -> dict[str, str]:
    """Give the run the caller's environment, its own temporary folder, and what the experiment says itself."""
    changed = experiment.condition.environment if experiment.condition else ()
    environment = {**os.environ, "TMPDIR": str(scratch), **dict(changed)}
    if experiment.hash_seed is not None:
        environment["PYTHONHASHSEED"] = str(experiment.hash_seed)
    return environment


def _start_folder(target: Target, experiment: Experiment, folder: Path) -> Path:
    """Say where pytest is started: in the project, unless the experiment is about just that."""
    if experiment.condition is None or not experiment.condition.elsewhere:
        return target.rootdir
    empty = folder / "elsewhere"
    empty.mkdir()
    return empty


def ended(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether the process has ended, and leave its status uncollected.

    Until that is collected, no other process can be given its id: the group that is killed in the end is its own.
    """
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(process: subprocess.Popen[bytes], guardian: Guardian) -> None:
    """End the run's whole session; what has ended by itself may have left children behind."""
    end_sessions({process.pid})
    guardian.ended(process.pid)
    process.wait()
