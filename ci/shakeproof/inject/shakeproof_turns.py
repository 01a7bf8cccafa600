"""Measure call by call in turn with other processes, which measure the same benchmarks.

Beside pytest-benchmark, which measures. `SHAKEPROOF_TURNS` is the number of a socket inherited from the process that
gives the turns; `SHAKEPROOF_CALLS` names a file of JSON: how often each benchmark is called, by node id, which are
kept on which processor meanwhile, and which all processes call at the same time, sharing that processor.

Before each call this process tells where it is and waits for a byte; so it does at the end of a benchmark. Then no
process cleans up or prepares while another one is timed.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import suppress
from typing import Any, Dict, Generator, List, Set

import pytest
from shakeproof_asking import BEHIND_ALL, PLACE
from shakeproof_elapsed import elapsed

TURNS = "SHAKEPROOF_TURNS"
CALLS = "SHAKEPROOF_CALLS"
FIXTURE = "benchmark"


class Turns:
    """This process's end of the socket."""

    def __init__(self, descriptor: int, told: Dict[str, Any]) -> None:
        os.set_inheritable(descriptor, False)  # what a benchmark starts takes no turns
        self.socket = socket.socket(fileno=descriptor)
        self.calls: Dict[str, int] = told["calls"]
        self.pinned = told["pinned"] if told["processor"] is not None else ()
        self.shared = told["shared"] if told["processor"] is not None else ()
        self.processor = {told["processor"]}
        self.benchmark = 0
        self.call = 0
        self.pin = False
        self.share = False
        self.allowed: Dict[int, Set[int]] = {}  # where threads may run that are kept to one

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: List[pytest.Item]
    ) -> None:
        """Fix how often each benchmark is called: a side that is faster must not be called more often.

        And let no test time out: to wait for the others takes time as well.
        """
        patient = any(map(config.pluginmanager.hasplugin, ("timeout", "pytest_timeout")))
        for item in items:
            if patient:
                item.add_marker(pytest.mark.timeout(0), append=False)
            count = self.calls.get(item.nodeid)
            if count is None:
                continue
            marker = item.get_closest_marker(FIXTURE)
            own = dict(marker.kwargs) if marker else {}
            own.update(min_rounds=count, max_time=1e-9, warmup=False)
            item.add_marker(pytest.mark.benchmark(**own), append=False)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, Any, None]:
        """Let the fixture wait before each call."""
        outcome = yield
        if fixturedef.argname == FIXTURE and not outcome.excinfo:
            fixture = outcome.get_result()
            fixture.__class__ = _waiting(type(fixture), self)
            if self.share:
                fixture._timer = elapsed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """See which benchmark comes."""
        self.pin = item.nodeid in self.pinned
        self.share = item.nodeid in self.shared

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self) -> None:
        """Wait until all others have made their last call, too, and clean up on all processors."""
        self.wait(BEHIND_ALL)
        if self.allowed:
            let_go(self.allowed)
            self.allowed = {}
        self.benchmark += 1
        self.call = 0

    def next_call(self) -> None:
        """Wait for the turn to make a call; keep to one processor from the first one on."""
        self.wait(self.call)
        if self.pin and not self.allowed:
            self.allowed = keep_to(self.processor)
        self.call += 1

    def wait(self, call: int) -> None:
        """Wait for the turn; fail where nobody gives turns any more."""
        self.socket.sendall(PLACE.pack(self.benchmark, call, self.share))
        if not self.socket.recv(1):
            raise EOFError("The process that gives the turns has ended.")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Begin, where somebody gives turns."""
    descriptor, calls = os.environ.pop(TURNS, ""), os.environ.pop(CALLS, "")
    if not descriptor:
        return
    with open(calls, encoding="utf-8") as file:
        config.pluginmanager.register(
            Turns(int(descriptor), json.load(file)), "shakeproof_turns_taken"
        )


def keep_to(processors: Set[int]) -> Dict[int, Set[int]]:
    """Keep all threads, and those they start, to these processors; return where each was allowed to run."""
    before = {}
    for thread in threads():
        with suppress(OSError):  # it has ended, or may not be moved
            before[thread] = os.sched_getaffinity(thread)
            os.sched_setaffinity(thread, processors)
    return before


def let_go(before: Dict[int, Set[int]]) -> None:
    """Let all threads run where they were allowed to; new ones where this one is."""
    here = before.get(threading.get_native_id())
    for thread in threads():
        allowed = before.get(thread, here)
        if allowed:
            with suppress(OSError):
                os.sched_setaffinity(thread, allowed)


def threads() -> List[int]:
    """List the threads of this process, those that Python does not know included."""
    return [int(name) for name in os.listdir("/proc/self/task")]


def _waiting(kind: Any, turns: Turns) -> Any:
    """Make a kind of the fixture that waits for its turn before each timed call."""

    def make_runner(self: Any, *arguments: Any) -> Any:
        run = kind._make_runner(self, *arguments)

        def in_turn(*arguments: Any) -> Any:
            turns.next_call()
            return run(*arguments)

        return in_turn

    return type("Waiting", (kind,), {"_make_runner": make_runner})
