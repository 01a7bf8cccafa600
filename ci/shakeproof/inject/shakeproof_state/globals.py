"""The globals of the project: module and class attributes, and whatever hangs on them."""

from __future__ import annotations

import datetime
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time
import types
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple

from .graph import ATOMS, SEQUENCE, Graph, Node, refill, walk
from .protocol import ABSENT, Change
from .words import described

# Whatever replaces a function of these for good - a mock left patched, a clock left frozen - replaces it for all.
SHALLOW = (os, os.path, time, datetime, random, socket, subprocess, shutil)
CLOCKS = ("time.", "datetime.")


class Seen(NamedTuple):
    """One look."""

    modules: Tuple[str, ...]
    graph: Graph


class Globals:
    """Attributes of the project's modules and classes, and the containers and instances that can be reached from them.

    `is_project` tells by its name whether a module is the project's own.
    """

    name = "globals"

    def __init__(self, is_project: Callable[[str], bool]) -> None:
        self._is_project = is_project
        self._known: Dict[str, bool] = {}
        self._last = Seen((), {})

    def look(self) -> Seen:
        """Take down everything, or find that it is what it was."""
        modules = self._modules()
        names = tuple(module.__name__ for module in modules)
        same = names == self._last.modules
        if not same or not all(node.is_same() for node in self._last.graph.values()):
            self._last = Seen(names, walk(modules, SHALLOW, self._is_project_))
        return self._last

    def _modules(self) -> List[types.ModuleType]:
        return [
            module
            for name, module in list(sys.modules.items())
            if isinstance(module, types.ModuleType) and self._is_project_(name)
        ]

    def _is_project_(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._is_project(name)
        return known

    def changes(self, before: Seen, after: Seen) -> Iterator[Change]:
        """Compare the containers that were there before: what is new hangs on one of them, which tells of it."""
        if before is after:
            return
        for identity, was in before.graph.items():
            is_now = after.graph.get(identity)
            if is_now is None or is_now.owner is not was.owner:
                continue  # nothing holds it any more, and that is a change of who did
            if was.slots is SEQUENCE:
                if not _alike(was.parts, is_now.parts):
                    yield _change(was, was.path, _content(was), _content(is_now))
            else:
                yield from _differences(was, is_now)

    def put_back(self, before: Seen, key: str) -> None:
        """Give one container what it held."""
        for node in before.graph.values():
            if node.slots is SEQUENCE:
                if node.path == key:
                    refill(node)
                    return
            elif key.startswith(node.path):
                for name, value in _named(node, key):
                    node.slots.write(node.owner, name, value)
                    return
        raise LookupError(key)


def _named(node: Node, key: str) -> Iterator[Tuple[Any, Any]]:
    """Find the part that a key speaks of, and what it was."""
    held = dict(zip(node.names, node.parts))  # noqa: B905  (Python 3.9)
    for name in (*held, *node.slots.read(node.owner)):
        if node.where(name) == key:
            yield name, held.get(name, ABSENT)


def _differences(was: Node, is_now: Node) -> Iterator[Change]:
    held = dict(zip(was.names, was.parts))  # noqa: B905  (Python 3.9)
    holds = dict(zip(is_now.names, is_now.parts))  # noqa: B905
    for name in dict.fromkeys((*held, *holds)):
        one, other = held.get(name, ABSENT), holds.get(name, ABSENT)
        if not _alike((one,), (other,)):
            yield _change(was, was.where(name), _told(one), _told(other))


def _alike(some: Tuple[Any, ...], others: Tuple[Any, ...]) -> bool:
    """Tell whether parts are the same objects, or numbers and strings that are equal."""
    return len(some) == len(others) and all(
        one is other or (type(one) is type(other) and type(one) in ATOMS and one == other)
        for one, other in zip(some, others)  # noqa: B905  (Python 3.9)
    )


def _told(value: Any) -> Any:
    return None if value is ABSENT else described(value)


def _content(node: Node) -> str:
    """Say what a list, set or deque held when it was looked at."""
    return described(type(node.owner)(node.parts))


def _change(node: Node, key: str, before: Any, after: Any) -> Change:
    return Change(_category(node, key), key, before, after)


def _category(node: Node, key: str) -> str:
    """Say what kind of global it is, going by how it is called."""
    names = key + " " + type(node.owner).__name__
    if key.startswith(CLOCKS):
        return "clock"
    if re.search(r"settings|config", names, re.IGNORECASE):
        return "settings"
    return "cache" if re.search(r"cache|memo", names, re.IGNORECASE) else "global"
