"""What goes on running or stays open: threads, event loops and their tasks, descriptors, listening sockets."""

from __future__ import annotations

import os
import socket
import sys
import threading
from typing import Any, Dict, Iterator, Mapping

from .protocol import ABSENT, Change, Plain

# Descriptors of this kind come and go with whatever waits for something.
PASSING = ("anon_inode:", "pipe:", "/dev/null", "/proc/", "/dev/pts", "/dev/urandom")


DESCRIPTORS = "/proc/self/fd"


class Threads:
    """The threads that are alive, and the event loop that is set, with the tasks that wait in it."""

    name = "threads"

    def look(self) -> Mapping[str, str]:
        """Say of each what it is."""
        found = {}
        for thread in threading.enumerate():
            kind = "daemon thread" if thread.daemon else "thread"
            found["thread {}".format(thread.name)] = kind + " running"
        loop = _event_loop()
        if loop is not None and not loop.is_closed():
            tasks = sys.modules["asyncio"].all_tasks(loop)
            names = ", ".join(sorted(task.get_name() for task in tasks))
            found["asyncio event loop"] = "open" + (": " + names if names else "")
        return found

    def changes(self, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
        """List what was not running before. What has ended cannot disturb anybody."""
        for key, now in after.items():
            if before.get(key) != now:
                yield Change("thread", key, before.get(key), now, can_put_back=False)

    def put_back(self, before: Mapping[str, str], key: str) -> None:
        """Nobody can end a thread from outside."""
        raise LookupError(key)


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
        for number in os.listdir(DESCRIPTORS):
            try:
                target = os.readlink(DESCRIPTORS + "/" + number)
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
                yield change._replace(category="network", after=_address(change.key))
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
    """Say where a socket is bound, and whether it listens."""
    try:
        with socket.socket(fileno=os.dup(_number(key))) as found:
            listens = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            return "{} {}".format("listening on" if listens else "socket at", found.getsockname())
    except OSError as error:
        return "a socket ({})".format(error)
