"""Measuring on all sides at the same moment, call by call in turn (effects).

What disturbs a machine lasts: a neighbour on the other half of a core makes everything slower by half, for seconds.
Processes one after the other meet that at different benchmarks; processes that are there at the same time and take
turns call by call meet it alike, and in their ratio it cancels out. Only one is timed at any moment, while all others
wait; they start, prepare and clean up side by side.
"""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks.plan import Place, who_goes
from shakeproof.gates.benchmarks.processes import (
    SECONDS,
    check_passed,
    prepare,
    read_times,
    read_watched,
    took_too_long,
)
from shakeproof.inject.shakeproof_turns import BEHIND_ALL, PLACE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from shakeproof.gates.benchmarks.measured import Record
    from shakeproof.gates.benchmarks.plan import Arm, RoundPlan
    from shakeproof.gates.benchmarks.processes import Prepared, Side

LOOK_EVERY: Final = 0.5  # seconds: a process may end while one that it started holds its socket
OPTIONS: Final = ("--benchmark-warmup=off",)


@dataclass(frozen=True)
class Started:
    """A process that runs, and the socket by which it asks for turns."""

    prepared: Prepared
    process: subprocess.Popen[bytes]
    asking: socket.socket
    printed: Path

    def check(self) -> None:
        """Raise `ShakeproofError` where the process, which has ended, did not measure everything."""
        status = self.process.wait()
        text = self.printed.read_text(encoding="utf-8", errors="replace")
        check_passed(self.prepared.side, read_watched(self.prepared, status, text))


def measure_together(
    sides: Mapping[Arm, Side], tests: Sequence[str], calls: Mapping[str, int], plan: RoundPlan
) -> Mapping[Arm, Record]:
    """Measure benchmarks, named by node id, on each side in a fresh process; `calls` is how often each is called.

    Raises `ShakeproofError` as `processes.measure` does; the others are ended then.
    """
    with ExitStack() as stack:
        started = {
            arm: stack.enter_context(_started(sides[arm], tests, calls, plan.hash_seed))
            for arm in plan.order
        }
        _give_turns(started, plan.order)
        for one in started.values():
            one.check()
    return {arm: read_times(one.prepared) for arm, one in started.items()}


@contextmanager
def _started(
    side: Side, tests: Sequence[str], calls: Mapping[str, int], hash_seed: int
) -> Iterator[Started]:
    """Lend a process, and end it at the latest when it is given back."""
    here, there = socket.socketpair()
    file = side.scratch / "calls.json"
    prepared = prepare(
        side, (*OPTIONS, *tests), hash_seed=hash_seed, timed=True,
        variables={
            "SHAKEPROOF_TURNS": str(there.fileno()),
            "SHAKEPROOF_CALLS": str(file),
            "PYTEST_TIMEOUT": "0",  # to wait for the others takes time, too
        },
    )  # fmt: skip
    file.write_text(json.dumps(calls), encoding="utf-8")
    printed = side.scratch / "printed.txt"
    with here, there, printed.open("wb") as output:
        try:
            process = subprocess.Popen(
                prepared.command, cwd=side.folder, env=prepared.environment,
                pass_fds=(there.fileno(),), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        except OSError as error:
            raise ShakeproofError(
                f"{prepared.command[0]} could not be started: {error.strerror}."
            ) from error
        there.close()
        try:
            yield Started(prepared, process, here, printed)
        finally:
            process.kill()
            process.wait()


def _give_turns(started: Mapping[Arm, Started], order: tuple[Arm, ...]) -> None:
    """Give turns until all processes have ended; raise `ShakeproofError` where one fails or all take too long."""
    until = time.monotonic() + SECONDS
    running = dict(started)
    waiting: dict[Arm, Place] = {}
    with selectors.DefaultSelector() as selector:
        for arm, one in started.items():
            selector.register(one.asking, selectors.EVENT_READ, arm)
        while running:
            if time.monotonic() > until:
                raise took_too_long(next(iter(running.values())).prepared.side)
            asked = [key.data for key, _ in selector.select(LOOK_EVERY)]
            for arm in asked or [
                arm for arm, one in running.items() if one.process.poll() is not None
            ]:
                place = _place(running[arm].asking) if arm in asked else None
                if place is not None:
                    waiting[arm] = place
                    continue
                selector.unregister(running[arm].asking)
                running.pop(arm).check()
            if running and waiting.keys() == running.keys():
                for arm in who_goes(waiting, BEHIND_ALL, order):
                    del waiting[arm]
                    running[arm].asking.sendall(b".")


def _place(asking: socket.socket) -> Place | None:
    """Receive where a process is; None where it has ended."""
    received = b""
    while len(received) < PLACE.size:
        try:
            more = asking.recv(PLACE.size - len(received))
        except ConnectionError:
            more = b""
        if not more:
            return None
        received += more
    return Place(*PLACE.unpack(received))
