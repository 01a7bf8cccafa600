"""Measuring on all sides at the same moment, call by call in turn (effects).

What disturbs a machine lasts: a neighbour on the other half of a core makes everything slower by half, for seconds.
Processes one after the other meet that at different benchmarks; processes that are there at the same time and take
turns call by call meet it alike, and in their ratio it cancels out. Only one is timed at any moment, while all others
wait; they start, prepare and clean up side by side.

It also meets one processor and not the other. So all of a round are kept on the same one while a benchmark is timed,
which the next round chooses anew - unless the benchmark needs several at the same time.

A call of a tenth of a second is too long for that: the machine has changed its mind before all had it. So where a
benchmark is long, and computes all the time, all sides call it at the same time and *share* the processor. The system
gives it to one and the next in slices of some milliseconds, and each side's time is what it had (`shakeproof_elapsed`).
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks.plan import Place, who_goes
from shakeproof.gates.benchmarks.processes import (
    check_passed,
    not_started,
    prepare,
    read_times,
    read_watched,
)
from shakeproof.gates.children import PATIENCE
from shakeproof.inject.shakeproof_asking import BEHIND_ALL, PLACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from shakeproof.gates.benchmarks.measured import Record
    from shakeproof.gates.benchmarks.plan import Arm, RoundPlan
    from shakeproof.gates.benchmarks.processes import Prepared, Side

LOOK_EVERY: Final = 0.5  # seconds: a process may end while one that it started holds its socket
OPTIONS: Final = ("--benchmark-warmup=off",)
ALONE: Final = (
    "By itself it came through: where benchmarks share a port, a lock or a server, set together = false in "
    "[tool.shakeproof.benchmarks]."
)


@dataclass(frozen=True)
class Turns:
    """How benchmarks, named by node id, are called in turn."""

    calls: Mapping[str, int]  # how often; the others as pytest-benchmark or their own settings say
    pinned: tuple[str, ...] = ()  # those that are kept on one processor
    shared: tuple[str, ...] = ()  # those of them that all call at the same time


@dataclass(frozen=True)
class Started:
    """A process that runs, and the socket by which it asks for turns."""

    prepared: Prepared
    process: subprocess.Popen[bytes]
    asking: socket.socket
    printed: Path


def measure_together(
    sides: Mapping[Arm, Side],
    tests: Sequence[str],
    turns: Turns,
    plan: RoundPlan,
    silence: float,
) -> Mapping[Arm, Record]:
    """Measure benchmarks, named by node id, on each side in a fresh process.

    Raises `ShakeproofError` as `processes.measure` does, and where some wait and nobody says anything for so many
    seconds of `silence`. However it ends, no process is left.
    """
    started: dict[Arm, Started] = {}
    try:
        for arm in plan.order:
            started[arm] = _start(sides[arm], tests, turns, plan)
        _give_turns(started, plan.order, silence)
    except ShakeproofError as error:
        raise ShakeproofError(f"{error} {ALONE}") from error
    finally:
        _end(started.values())
    return {arm: read_times(one.prepared) for arm, one in started.items()}


def processor(place: int) -> int | None:
    """Choose one of those that this process may use; None where the system does not tell or take it."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[place % len(allowed)]


def _start(side: Side, tests: Sequence[str], turns: Turns, plan: RoundPlan) -> Started:
    here, there = socket.socketpair()
    file, printed = side.scratch / "turns.json", side.scratch / "printed.txt"
    variables = {"SHAKEPROOF_TURNS": str(there.fileno()), "SHAKEPROOF_CALLS": str(file)}
    prepared = prepare(
        side, (*OPTIONS, *tests), hash_seed=plan.hash_seed, timed=True, variables=variables
    )
    file.write_text(
        json.dumps(asdict(turns) | {"processor": processor(plan.place)}), encoding="utf-8"
    )
    with there, printed.open("wb") as output:
        try:
            process = subprocess.Popen(
                prepared.command, cwd=side.folder, env=prepared.environment,
                pass_fds=(there.fileno(),), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        except OSError as error:
            here.close()
            raise not_started(prepared, error) from error
    return Started(prepared, process, here, printed)


def _give_turns(started: Mapping[Arm, Started], order: tuple[Arm, ...], silence: float) -> None:
    """Give turns until all processes have ended; raise `ShakeproofError` where one fails, or is silent for so long."""
    running = dict(started)
    waiting: dict[Arm, Place] = {}
    heard = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for arm, one in started.items():
            selector.register(one.asking, selectors.EVENT_READ, arm)
        while running:
            asked = [key.data for key, _ in selector.select(LOOK_EVERY)]
            ended = [arm for arm, one in running.items() if one.process.poll() is not None]
            if asked or ended:
                heard = time.monotonic()
            elif time.monotonic() - heard > silence:
                raise _silent([running[arm] for arm in running if arm not in waiting], silence)
            for arm in asked or ended:
                place = _place(running[arm].asking) if arm in asked else None
                if place is None:
                    selector.unregister(running[arm].asking)
                    _check(running.pop(arm), silence)
                else:
                    waiting[arm] = place
            if running and waiting.keys() == running.keys():
                for arm in who_goes(waiting, BEHIND_ALL, order):
                    del waiting[arm]
                    _let_go(running[arm].asking)


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


def _let_go(asking: socket.socket) -> None:
    with suppress(ConnectionError):  # it has ended meanwhile, which the next look shows
        asking.sendall(b".")


def _check(one: Started, silence: float) -> None:
    """Raise `ShakeproofError` where a process, which asks for no more turns, did not measure everything."""
    try:
        status = one.process.wait(timeout=silence)
    except subprocess.TimeoutExpired as error:
        raise _silent([one], silence) from error
    text = one.printed.read_text(encoding="utf-8", errors="replace")
    check_passed(one.prepared.side, read_watched(one.prepared, status, text))


def _silent(silent: Sequence[Started], seconds: float) -> ShakeproofError:
    names = " and ".join(dict.fromkeys(one.prepared.side.name for one in silent))
    return ShakeproofError(
        f"The benchmarks of {names} came no further for {seconds:.0f} seconds while the others waited, and nothing was "
        "compared."
    )


def _end(started: Iterable[Started]) -> None:
    """End what still runs: who waits for a turn hears that there is none, and all have time to clean up."""
    for one in started:
        one.asking.close()
        if one.process.poll() is None:
            one.process.send_signal(signal.SIGINT)
    until = time.monotonic() + PATIENCE
    for one in started:
        try:
            one.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            one.process.kill()
            one.process.wait()
