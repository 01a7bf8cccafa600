"""The processes that collect once and wait to be forked, one for each hash seed: starting them and ending them."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shakeproof.lab.fresh import LAUNCHER, POLL_SECONDS, SILENT_SECONDS, ended, pytest_arguments
from shakeproof.lab.guardian import end_sessions
from shakeproof.lab.records import Record
from shakeproof.lab.room import needing_room
from shakeproof.model import Experiment, Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from shakeproof.lab.base import Target

# For the templates to end as pytest ends, with the fixtures and plugins of the session.
PARTING_SECONDS = 5.0


class ForkUnsafeError(Exception):
    """The suite cannot be forked after its collection; the message says why. Fresh processes can still run it."""


@dataclass(slots=True)
class Template:
    """A process that has collected, for one hash seed."""

    hash_seed: int
    process: subprocess.Popen[bytes]
    requests: int  # the descriptor to write requests to
    log: Path
    record: Record = field(default_factory=Record)
    numbers: dict[str, int] = field(default_factory=dict)  # by node id
    ready: dict[str, Any] | None = None
    begun: float = field(default_factory=time.monotonic)

    def hear(self, message: dict[str, Any]) -> None:
        """Take in what it tells while it collects."""
        if message["event"] == "ready":
            self.numbers = {test: place for place, test in enumerate(self.record.collected)}
            self.ready = message
        else:
            self.record.take(message)

    def ask(self, request: dict[str, Any]) -> None:
        """Write a request. Raises ForkUnsafeError where nobody reads it any more."""
        try:
            os.write(self.requests, json.dumps(request).encode() + b"\n")
        except BrokenPipeError as error:
            raise self.lost() from error

    @property
    def silent(self) -> bool:
        """Whether it has had more time to collect than it can need."""
        return not self.ready and time.monotonic() - self.begun > SILENT_SECONDS

    def lost(self) -> ForkUnsafeError:
        """Say that it has ended."""
        return ForkUnsafeError(f"the process that had collected ended; see {self.log}")


def start(target: Target, logs: Path, folder: Path, address: Path, hash_seed: int) -> Template:
    """Start a template that tells what it sees to the socket at `address`, with its files in a folder of its own."""
    own = folder / f"template-{hash_seed}"
    with needing_room(folder):
        (own / "tmp").mkdir(parents=True)
    reading, writing = os.pipe()
    whole = Experiment(f"template {hash_seed}", Kind.DECLARED, hash_seed=hash_seed)
    request = {
        "arguments": pytest_arguments(target, whole),
        "active": [],
        "cache": str(own / "cache"),
        "tests": None,
        "socket": str(address),
        "requests": reading,
        "template": hash_seed,
    }
    with needing_room(folder):
        (own / "request").write_text(json.dumps(request), encoding="utf-8")
    log = logs / f"template-{hash_seed}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [target.python, str(LAUNCHER), str(own / "request")],
            cwd=target.rootdir,
            env={**os.environ, "TMPDIR": str(own / "tmp"), "PYTHONHASHSEED": str(hash_seed)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            pass_fds=(reading,),
            start_new_session=True,
        )
    os.close(reading)
    return Template(hash_seed, process, writing, log)


def end(templates: Collection[Template]) -> None:
    """Let them end as pytest ends, and then end what is left of them."""
    for template in templates:
        os.close(template.requests)
    latest = time.monotonic() + PARTING_SECONDS
    while time.monotonic() < latest and not all(ended(each.process) for each in templates):
        time.sleep(POLL_SECONDS)
    end_sessions({template.process.pid for template in templates})


def check_forkable(templates: Iterable[Template]) -> None:
    """Raise ForkUnsafeError where something is there after the collection that forks cannot each have."""
    for template in templates:
        ready = template.ready or {}
        if ready["failed"]:
            raise ForkUnsafeError("the collection has errors")
        if ready["lacking"]:
            raise ForkUnsafeError(f"this Python has no os.{', os.'.join(ready['lacking'])}")
        if ready["threads"]:
            names = ", ".join(ready["threads"])
            raise ForkUnsafeError(f"threads are running once the tests are collected ({names})")
        if ready["connections"]:
            raise ForkUnsafeError("network connections are open once the tests are collected")
        if ready["loops"]:
            raise ForkUnsafeError(
                "an event loop is waiting for more than its own calls once the tests are collected"
            )
        if ready["memory"]:
            names = ", ".join(ready["memory"])
            raise ForkUnsafeError(
                f"memory that forks would share is mapped once the tests are collected ({names})"
            )
        if not ready["tests"]:
            raise ForkUnsafeError("no tests were collected")


def reseeding(templates: Iterable[Template]) -> dict[str, bool]:
    """Tell, by what gives random numbers, whether each fork shall have others.

    Two processes with the same random state were seeded while they collected: the project wants it so.
    """
    states = [(template.ready or {})["random"] for template in templates]
    seen = {source: [state[source] for state in states if source in state] for source in states[0]}
    return {source: len(set(found)) == len(found) for source, found in seen.items()}
