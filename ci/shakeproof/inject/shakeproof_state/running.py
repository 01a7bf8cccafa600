"""What goes on running or stays open: threads, event loops and their tasks, descriptors, listening sockets."""

from __future__ import annotations

import os
import socket
import sys
import threading
from typing import Any, Dict, Iterator, Mapping

from .protocol import ABSENT, Change, Plain
from .raw import instance_dict

# Descriptors of this kind come and go with whatever waits for something.
PASSING = ("anon_inode:", "pipe:", "/dev/null", "/proc/", "/dev/pts", "/dev/urandom")

# Kept from before any test could replace them.
_enumerate, _Dummy, _socket = (
    threading.enumerate,
    getattr(threading, "_DummyThread", None),
    socket.socket,
)
_listdir, _readlink = os.listdir, os.readlink
LOOP = "asyncio event loop"
LET_END = 0.05  # seconds, spent only where there are new threads
DESCRIPTORS = "/proc/self/fd"


class Threads:
    """The threads that are alive, and the event loop that is set, with the tasks that wait in it."""

    name = "threads"

    def look(self) -> Mapping[Any, Any]:
        """List them by their id."""
        found: Dict[Any, Any] = {}
        for thread in _enumerate():
            # Dummies stand for threads that Python did not start; nobody knows when those end.
            if type(thread) is not _Dummy:
                found[id(thread)] = (
                    thread  # not by itself: a project's own class may define what equal is
                )
        loop = _event_loop()
        if loop is not None and not loop.is_closed():
            tasks = sys.modules["asyncio"].all_tasks(loop)
            names = ", ".join(sorted(str(task.get_name()) for task in tasks))
            found[LOOP] = "open" + (": " + names if names else "")
        return found

    def changes(self, before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Iterator[Change]:
        """List what was not running before. What has ended cannot disturb anybody."""
        if LOOP in after and before.get(LOOP) != after[LOOP]:
            yield Change("thread", LOOP, before.get(LOOP), after[LOOP], can_put_back=False)
        for key, found in after.items():
            if key not in before and key != LOOP and _goes_on(found):
                own = instance_dict(found) or {}
                kind = "daemon thread" if own.get("_daemonic") else "thread"
                yield Change(
                    "thread",
                    "thread {}".format(own.get("_name")),
                    None,
                    kind + " running",
                    can_put_back=False,
                )

    def put_back(self, before: Mapping[Any, Any], key: str) -> None:
        """Nobody can end a thread from outside."""
        raise LookupError(key)


def _goes_on(thread: Any) -> bool:
    """Tell a thread that stays from one that was told to end and is just about to."""
    threading.Thread.join(thread, LET_END)
    return bool(threading.Thread.is_alive(thread))


def _event_loop() -> Any:
    """Give the loop that is set for this thread, without making one."""
    events = sys.modules.get("asyncio.events")
    policy = getattr(events, "_event_loop_policy", None)
    return getattr(getattr(policy, "_local", None), "_loop", None)


class Descriptors(Plain):
    """Files and sockets that are open (Linux)."""

    name = "descriptors"
    category = "filesystem"

    def look(self) -> Mapping[str, Any]:
        """Say of each number what it refers to."""
        found: Dict[str, Any] = {}
        for number in _listdir(DESCRIPTORS):
            try:
                target = _readlink(DESCRIPTORS + "/" + number)
            except OSError:  # the one that listed them is closed by now
                continue
            if not target.startswith(PASSING):
                found["descriptor " + number] = target
        return found

    def changes(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
        """List what was opened since; what listens for connections is a matter of the network."""
        for change in super().changes(before, after):
            target = after.get(change.key, "")
            if target.startswith("socket:"):
                address = _address(change.key)
                if address:
                    yield change._replace(category="network", after=address)
            elif change.after is not None:
                yield change

    def put(self, key: str, value: Any) -> None:
        """Close it; what was closed cannot be opened again."""
        if value is not ABSENT:
            raise LookupError(key)
        os.close(_number(key))


def _number(key: str) -> int:
    return int(key.rpartition(" ")[2])


def _address(key: str) -> str:
    """Say where a socket is bound, and whether it listens; '' for one end of a pair, which nobody else can meet."""
    try:
        with _socket(fileno=os.dup(_number(key))) as found:
            where = found.getsockname()
            listens = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        return "a socket ({})".format(error)
    return "{} {}".format("listening on" if listens else "socket at", where) if where else ""
