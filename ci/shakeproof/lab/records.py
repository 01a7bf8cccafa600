"""From what was written down inside the tested interpreter to the outcome of each test (pure)."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shakeproof.messages import mask, mask_value
from shakeproof.model import BAD, Experiment, Leak, Outcome, Run, Status, Touch

# Of xdist's report about a crashed worker, which is of no phase, the event "crash" has told already.
PHASES = ("setup", "call", "teardown")
MESSAGE_LENGTH = 500  # characters of a failure's message that are kept


@dataclass(slots=True)
class _Open:
    """A test that has started, and what its phases have said so far."""

    test: str
    status: Status | None = None
    message: str = ""
    seconds: float = 0.0
    worker: str = ""
    closed: bool = False

    def see(self, report: dict[str, Any]) -> None:
        self.seconds += report["seconds"]
        self.worker = report["worker"]
        status = _phase_status(report)
        # The first bad phase names the outcome; without one, what the test body said stands.
        if status is not None and self.status not in BAD and (not self.status or status in BAD):
            self.status, self.message = status, mask(report["message"][:MESSAGE_LENGTH])
        self.closed = report["when"] == "teardown" and report["outcome"] != "rerun"


def _phase_status(report: dict[str, Any]) -> Status | None:
    """Say what one phase means for the test; None where a phase that passed says nothing by itself."""
    match report["when"], report["outcome"], report["xfail"]:
        case _, "rerun", _:
            return None
        case "call", "failed", _:
            return Status.FAILED
        case (("setup" | "teardown"), "failed", _):
            return Status.ERROR
        case _, "skipped", True:
            return Status.XFAILED
        case _, "skipped", False:
            return Status.SKIPPED
        case "call", "passed", True:
            return Status.XPASSED
        case "call", "passed", False:
            return Status.PASSED
        case _:
            return None


@dataclass(slots=True)
class Record:
    """What has been written so far: fed line by line while the run goes on, asked at any time."""

    session: dict[str, Any] = field(default_factory=dict)
    collected: tuple[str, ...] = ()
    collection_seconds: float = 0.0
    errors: list[str] = field(default_factory=list)
    # Behind, by its tests or on the import of its files.
    left: list[Leak] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # on what could not be looked at
    touched: list[Touch] = field(default_factory=list)
    _tests: list[_Open] = field(default_factory=list)
    _running: dict[str, _Open] = field(default_factory=dict)

    @property
    def running(self) -> tuple[str, ...]:
        """The tests that have started and not ended."""
        return tuple(self._running)

    @property
    def ended(self) -> int:
        """How many tests have come to their end."""
        return len(self._tests) - len(self._running)

    def feed(self, line: str) -> None:
        """Take in one line of a record file."""
        self.take(json.loads(line))

    def take(self, event: dict[str, Any]) -> None:
        """Take in what happened, after what was held back until then."""
        for earlier in event.get("before", ()):
            self.take(earlier)
        match event["event"]:
            case "session":
                self.session = event
            case "collection error":
                self.errors.append(mask(event["text"]))
            case "collected":
                # Workers may disagree; what any of them collected counts, so that a test missing elsewhere shows.
                known = frozenset(self.collected)
                new = (sys.intern(test) for test in event["tests"] if test not in known)
                self.collected += tuple(new)
                self.collection_seconds = event["seconds"]
            case "start":
                self._start(event["test"])
            case "report" if event["when"] in PHASES:
                test = self._running.get(event["test"]) or self._start(event["test"])
                test.see(event)
                if test.closed:
                    del self._running[event["test"]]
            case "left" | "touched":
                self._look(event)
            case "crash":
                test = self._running.get(event["test"]) or self._start(event["test"])
                test.status, test.message = Status.CRASHED, _left_message(Status.CRASHED)
                del self._running[event["test"]]

    def _look(self, event: dict[str, Any]) -> None:
        """Take in what was asked besides: what a test left behind, or what it used."""
        by = sys.intern(event["test"])
        if event["event"] == "left":
            self.left += (_leak(by, *change) for change in event["changes"])
            self.notes += map(mask, event.get("notes", ()))
        else:
            self.touched += (Touch(by, *map(sys.intern, each)) for each in event["touches"])

    def _start(self, test: str) -> _Open:
        # Each message brings its own copy of the name; thousands of runs share one.
        opened = _Open(sys.intern(test))
        self._tests.append(opened)
        self._running[test] = opened
        return opened

    def outcomes(self, left_running: Status, seconds: float = math.inf) -> tuple[Outcome, ...]:
        """List what each test did, in the order of their starts, then those that never had their turn.

        `left_running` is what became of a test that started and never ended: a crash, a hang, or an interrupted run.
        None took longer than `seconds`, the whole run: pytest's clock is the project's, whose tests may set or stop it.
        """
        done = tuple(
            Outcome(
                test=test.test,
                status=left_running if open_still else test.status or Status.PASSED,
                message=_left_message(left_running) if open_still else test.message,
                seconds=min(max(test.seconds, 0.0), seconds),
                worker=test.worker,
            )
            for test in self._tests
            for open_still in (self._running.get(test.test) is test,)
        )
        started = frozenset(test.test for test in self._tests)
        waiting = (test for test in self.collected if test not in started)
        return done + tuple(Outcome(test, Status.NOT_RUN) for test in waiting)

    def run(
        self,
        experiment: Experiment,
        *,
        left_running: Status,
        seconds: float,
        exit_status: int,
        log: Path,
    ) -> Run:
        """Close the record: the run that it tells of."""
        return Run(
            experiment=experiment,
            outcomes=self.outcomes(left_running, seconds),
            collected=self.collected,
            seconds=seconds,
            exit_status=exit_status,
            collection_seconds=self.collection_seconds,
            collection_errors=tuple(self.errors),
            pytest=self.session.get("pytest", ""),
            python=self.session.get("python", ""),
            rootdir=Path(self.session.get("rootdir", ".")),
            positional=tuple(self.session.get("positional", ())),
            plugins=frozenset(self.session.get("plugins", ())),
            left=tuple(self.left),
            notes=tuple(self.notes),
            touched=tuple(self.touched),
            log=log,
            inipath=Path(inipath) if (inipath := self.session.get("inipath")) else None,
        )


def _leak(  # noqa: PLR0917  (the fields of a `Change`, in the order in which it is sent)
    by: str,
    category: str,
    key: str,
    before: str | None,
    after: str | None,
    probe: str,
    can_put_back: bool,  # noqa: FBT001
) -> Leak:
    before, after = mask_value(key, before), mask_value(key, after)
    return Leak(sys.intern(by), category, key, before, after, probe, can_put_back)


def _left_message(status: Status) -> str:
    match status:
        case Status.CRASHED:
            return "the process died while the test was running"
        case Status.HUNG:
            return "still running when its time was up"
        case _:
            return ""
