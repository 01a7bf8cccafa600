"""The globals of the project: module and class attributes, and whatever hangs on them."""

from __future__ import annotations

import datetime  # noqa: ICN001  (the module itself)
import hmac
import json
import os
import random
import re
import secrets
import shutil
import socket
import subprocess
import time
import types
import uuid
from typing import Any, Callable, Iterable, Iterator, List, Optional, Tuple

from .graph import (
    MOST_PARTS,
    Graph,
    Node,
    Place,
    Snapshot,
    put_in_order,
    refill,
)
from .loaded import Loaded
from .protocol import ABSENT, ATOMS, Change, is_alike
from .raw import is_module, is_one_of, module_of
from .slots import CACHE, CONTEXT, COUNT, MAPPING, MODULE, SET
from .unseen import unseen
from .walker import MOST_NODES, Walker, is_no_state
from .words import contrasted, described, differing, listed, mapped, type_name

# Whatever replaces a function of these for good - a mock left patched, a clock left frozen - replaces it for all.
SHALLOW = (
    os,
    os.path,
    time,
    datetime,
    random,
    socket,
    subprocess,
    shutil,
    secrets,
    hmac,
    uuid,
    json,
)
ZONE = frozenset({"tzname", "timezone", "altzone", "daylight"})
CLOCKS = frozenset({"time", "datetime"})
TESTS = re.compile(r"(^|\.)(tests?|test_\w+|\w+_test|conftest)(\.|$)")


class Globals:
    """Attributes of the project's modules and classes, and the containers and instances that can be reached from them.

    `is_project` tells by its name whether a module is the project's own. Of more than `most_nodes` containers and
    instances the first are looked at.
    """

    name = "globals"

    def __init__(self, is_project: Callable[[str], bool], most_nodes: int = MOST_NODES) -> None:
        self._loaded = Loaded(is_project)
        self._most_nodes = most_nodes
        self._walker = Walker(is_project, most_nodes)
        self._modules: Tuple[Tuple[str, Any], ...] = ()
        self._last: Optional[Snapshot] = None

    def look(self) -> Snapshot:
        """Take down everything, or find that it is what it was."""
        modules = self._loaded.modules()
        last = self._last
        if last is None or modules is not self._modules or not last.is_same():
            self._modules = modules
            last = self._last = Snapshot(
                self._walker.walk(_tests_last(modules), SHALLOW, last.graph if last else {})
            )
        return last

    @property
    def notes(self) -> List[str]:
        """Say what was not compared."""
        return [] if self._last is None else unseen(self._last.graph, self._most_nodes)

    def changes(self, before: Snapshot, after: Snapshot) -> Iterator[Change]:
        """Compare the containers that were there before: what is new hangs on one of them, which tells of it."""
        if before is after:
            return
        for identity, was in before.graph.items():
            is_now = after.graph.get(identity)
            # One that nothing holds any more is no change of its own: who held it tells.
            if (
                is_now is not None
                and is_now is not was
                and is_now.owner is was.owner
                and is_now.slots is was.slots
            ):
                yield from _differences(was, is_now, before.graph)

    def put_back(self, before: Snapshot, key: str) -> None:
        """Make one container, or one part of it, what it was - and what hung on it and is out of reach now."""
        there = self.look().graph
        is_known = False
        for node in before.graph.values():
            if not key.startswith(node.path):
                continue
            if node.slots.is_whole:
                if node.path == key:
                    refill(node)
                    _restore_below(before.graph, node.place, ABSENT, there)
                    return
                continue
            for part, name, value, is_now in _pairs(node, _now(node)):
                if part != key:
                    continue
                is_known = True
                if not is_alike(
                    value, is_now
                ):  # or else it is not who holds the list that has changed, but the list
                    node.slots.write(node.owner, name, value)
                    put_in_order(node)
                    _restore_below(before.graph, node.place, name, there)
                    return
        if not is_known:
            raise LookupError(key)


def _tests_last(modules: Iterable[Tuple[str, Any]]) -> List[Tuple[str, Any]]:
    """Put the modules of tests behind the others: what they import is called by the name under which it was made."""
    return sorted(modules, key=lambda each: bool(TESTS.search(each[0])))


def _now(node: Node) -> Node:
    return Node(node.place, node.depth, node.owner, node.slots)


def _restore_below(graph: Graph, place: Place, name: Any, there: Graph) -> None:
    """Restore what was found at a place, or at one part of it, and cannot be reached now."""
    for key, node in graph.items():
        if key not in there and _hung_on(node.place, place, name) and not node.is_same():
            if node.slots.is_whole:
                refill(node)
                continue
            for _, part, was, is_now in _pairs(node, _now(node)):
                if not is_alike(was, is_now):
                    node.slots.write(node.owner, part, was)
            put_in_order(node)


def _hung_on(found: Place, place: Place, name: Any) -> bool:
    below = found
    while below.up is not None:
        if below.up is place:
            return name is ABSENT or below.name is name or is_alike(below.name, name)
        below = below.up
    return False


def _pairs(was: Node, is_now: Node) -> Iterator[Tuple[str, Any, Any, Any]]:
    """List the parts of a container: key, name, and what it was and is. No two have the same key."""
    held = {_handle(name): (name, part) for name, part in zip(was.names, was.parts)}  # noqa: B905  (Python 3.9)
    holds = {_handle(name): (name, part) for name, part in zip(is_now.names, is_now.parts)}  # noqa: B905
    path = was.path
    told = set()
    for handle in dict.fromkeys((*held, *holds)):
        name = (held.get(handle) or holds[handle])[0]
        key = path + was.slots.show(name)
        while key in told:
            key += "'"  # two objects of one class, as keys of a dictionary
        told.add(key)
        yield key, name, held.get(handle, (name, ABSENT))[1], holds.get(handle, (name, ABSENT))[1]


def _handle(name: Any) -> Any:
    """Give what stands for a key of a dictionary: asking a key of the project's own for its hash would call it."""
    if is_one_of(type(name), ATOMS) or (
        type(name) is tuple and all(is_one_of(type(each), ATOMS) for each in name)
    ):
        return name
    return (ABSENT, id(name))


def _differences(was: Node, is_now: Node, graph: Graph) -> Iterator[Change]:
    if was.slots is CACHE:  # whether it was filled is another probe's business
        return
    if was.is_partial or is_now.is_partial:
        if was.size != is_now.size or not _parts_alike(was, is_now):
            yield Change(
                _category(was, was.path, ABSENT),
                was.path,
                _size(was),
                _size(is_now),
                can_put_back=False,
            )
    elif was.slots.is_whole:
        if not _parts_alike(was, is_now):
            yield Change(
                _category(was, was.path, ABSENT),
                was.path,
                *differing(was.parts, is_now.parts, _kind_name(was)),
            )
    else:
        for key, name, one, other in _pairs(was, is_now):
            if not is_alike(one, other) and _is_told(was, name, one, other):
                yield Change(
                    _category(was, key, one),
                    key,
                    *((one, other) if was.slots is COUNT else _both_told(one, other, graph)),
                    can_put_back=_can_put_back(was, one),
                )


def _parts_alike(was: Node, is_now: Node) -> bool:
    if was.slots is SET:  # put back, it may well give its elements in another order
        return set(map(_handle, was.parts)) == set(map(_handle, is_now.parts))
    return len(was.parts) == len(is_now.parts) and all(map(is_alike, was.parts, is_now.parts))


def _size(node: Node) -> str:
    if not node.is_partial:
        return "{} items".format(node.size)
    return "{} items, of which the first {} were looked at".format(node.size, MOST_PARTS)


def _is_told(node: Node, name: Any, was: Any, is_now: Any) -> bool:
    """Leave out what is nobody's doing."""
    if type(name) is str and is_no_state(node.slots, name):
        return False
    if node.owner is time and name in ZONE:
        return False  # another probe's: it is not enough to write them
    if node.slots is MODULE and was is ABSENT:
        # A module loaded late becomes an attribute of its package, and of the standard library's some add constants.
        return not is_module(is_now) and not is_shallow(node.owner)
    return True


def _can_put_back(node: Node, was: Any) -> bool:
    return node.slots is not COUNT and not (node.slots is CONTEXT and was is ABSENT)


def _both_told(was: Any, is_now: Any, graph: Graph) -> Tuple[Any, Any]:
    if was is ABSENT:
        return None, described(is_now)
    return (
        (_as_it_was(was, graph), None)
        if is_now is ABSENT
        else contrasted(_as_it_was(was, graph), described(is_now))
    )


def _as_it_was(value: Any, graph: Graph) -> str:
    """Describe what a container held then, and not what it holds by now."""
    node = graph.get(id(value))
    if node is None or node.owner is not value or node.is_partial:
        return described(value)
    if node.slots is MAPPING:
        return mapped(_kind_name(node), zip(node.names, node.parts), node.size)  # noqa: B905  (Python 3.9)
    return (
        listed(_kind_name(node), node.parts, len(node.parts))
        if node.slots.is_whole
        else described(value)
    )


def _kind_name(node: Node) -> str:
    return type_name(type(node.owner)).rpartition(".")[2]


def _category(node: Node, key: str, was: Any) -> str:
    """Say what kind of global it is, going by what it was and how it is called."""
    if node.owner is random:
        return "random"
    if is_of_clock(node.owner) or is_of_clock(was):
        return "clock"
    # What stands in test_config.py need not be settings.
    names = " ".join(
        (re.sub(r"\btest_\w*", "", key), type_name(type(node.owner)), type_name(type(was)))
    )
    if re.search(r"settings|config", names, re.IGNORECASE):
        return "settings"
    return "cache" if re.search(r"cache|memo", names, re.IGNORECASE) else "global"


def is_of_clock(value: Any) -> bool:
    """Tell the time functions and classes, and their modules, by whatever name they go."""
    if value is time or value is datetime:
        return True
    if type(value) is types.BuiltinFunctionType:
        return value.__module__ in CLOCKS
    return issubclass(type(value), type) and module_of(value) in CLOCKS


def is_shallow(module: Any) -> bool:
    """Tell a module of the standard library that is looked at."""
    return any(module is each for each in SHALLOW)
