"""The way through the globals of the project: what is looked into, and what is not."""

from __future__ import annotations

import collections
import functools
import threading
import types
from typing import Any, Callable, Dict, Iterable, Iterator, Tuple

from .cached import CACHED, module_of_cached
from .graph import Found, Graph, Node, Place
from .protocol import ATOMS
from .raw import is_module, is_one_of, module_dict, module_of, slots_of
from .slots import (
    CACHE,
    CLASS,
    CONTENTS,
    DEFAULTS,
    FUNCTION,
    INSTANCE,
    MODULE,
    OURS,
    SLOTTED,
    SPECIAL,
    Slots,
    slot_values,
    write_slot,
)
from .words import type_name

MOST_NODES = 20_000
DEEPEST = 8  # containers in containers
# Instances of what is defined there have parts that change all the time and concern nobody, or are looked at by others.
TOO_BUSY = frozenset(
    (  # noqa: SIM905  (a list of so many would take a line for each)
        # The tests' own machinery.
        "_pytest pytest pytest_asyncio hypothesis logging "
        # Python's.
        "types typing functools abc _thread builtins weakref os re enum dataclasses "
        # Values that never change, and remember what they were asked for.
        "pathlib ipaddress fractions zoneinfo"
    ).split()
)
# A decorator of `unittest.mock` remembers what it has put back.
REMEMBERING = frozenset({"unittest.mock._patch", "unittest.mock._patch_dict"})
# What pytest and the import system put into modules, and what Python makes when it is asked for the first time.
NOT_STATE = frozenset(
    (  # noqa: SIM905  (likewise)
        "__builtins__ __cached__ __warningregistry__ @pytest_ar @py_builtins __path__ __doc__ "
        "__dict__ __weakref__ __abstractmethods__ _abc_impl __slotnames__ __signature__ __parameters__ "
        "__annotations__ __annotate__ __annotate_func__ __annotations_cache__ __conditional_annotations__ "
        "_value2member_map_ "  # the combinations of an enumeration's flags
        "tearDown_exceptions _classSetupFailed _class_cleanups"  # of `unittest`, on the classes that it runs
    ).split()
)
# What libraries note for themselves on a class, or on a test.
NOTES = ("__pydantic_", "_hypothesis_internal_")


class Walker:
    """Takes graphs down, of so many nodes at most. `is_project` tells by its name whether a module is the project's."""

    def __init__(self, is_project: Callable[[str], bool], most_nodes: int) -> None:
        self._is_project = is_project
        self._most_nodes = most_nodes
        self._known: Dict[
            int, Tuple[Any, Tuple[Slots, ...]]
        ] = {}  # how to look at instances, by their class

    def walk(self, roots: Iterable[Tuple[str, Any]], shallow: Iterable[Any], last: Graph) -> Graph:
        """Take down everything that hangs on the roots, and the globals alone of the `shallow` modules.

        Nodes that are as they were in the `last` graph are taken over from there.
        """
        graph: Graph = {}
        for module in shallow:
            found = Found(Place(None, str, module.__name__), module, (MODULE,), DEEPEST)
            graph[id(module)] = self._node(id(module), found, MODULE, last)
        waiting = collections.deque(
            Found(Place(None, str, name), value, self._kinds(value), 0) for name, value in roots
        )
        while waiting and len(graph) < self._most_nodes:
            found = waiting.popleft()
            if id(found.value) in graph:
                continue
            for number, slots in enumerate(found.kinds):
                key = (id(found.value), number) if number else id(found.value)
                graph[key] = node = self._node(key, found, slots, last)
                waiting.extend(node.inner)
        return graph

    def _node(self, key: Any, found: Found, slots: Slots, last: Graph) -> Node:
        place = found.place
        old = last.get(key)
        if old is not None and old.is_at(found) and old.slots is slots:
            if old.is_same():
                return old
            place = old.place  # the same object: by it what is below is known again
        node = Node(place, found.depth, found.value, slots)
        if found.depth < DEEPEST:
            node.inner = tuple(self._inner(node))
        return node

    def _inner(self, node: Node) -> Iterator[Found]:
        """List the parts to look into."""
        owner, slots = node.owner, node.slots
        is_ours = slots in OURS or is_one_of(type(owner), CONTENTS) or self._is_ours(type(owner))
        # Of an object from elsewhere what it holds directly is looked at, and no more: that is its own business.
        depth = node.depth + 1 if is_ours else DEEPEST
        for name, part in (*zip(node.names, node.parts), *_hidden(node)):  # noqa: B905  (Python 3.9)
            kind = type(part)
            if (
                is_one_of(kind, ATOMS)
                or part is owner
                or not (is_ours or is_one_of(kind, CONTENTS))
            ):
                continue
            if type(name) is str and is_no_state(slots, name):
                continue
            value = part.__func__ if kind is staticmethod or kind is classmethod else part
            kinds = self._kinds(value)
            if kinds:
                yield Found(Place(node.place, slots.show, name), value, kinds, depth)

    def _is_ours(self, kind: Any) -> bool:
        return self._is_project(module_of(kind))

    def _kinds(self, value: Any) -> Tuple[Slots, ...]:
        """Say how to look into a value; nothing where there is nothing to look into."""
        kind: Any = type(value)
        if kind is types.FunctionType:
            if type(value.__module__) is not str or not self._is_project(value.__module__):
                return ()
            return (
                (FUNCTION, DEFAULTS) if value.__defaults__ or value.__kwdefaults__ else (FUNCTION,)
            )
        if kind is CACHED:
            return (CACHE,) if self._is_project(module_of_cached(value)) else ()
        if is_module(value):
            name = module_dict(value).get("__name__")
            # Whether a lazy one has been loaded is nobody's leak.
            is_state = kind is types.ModuleType and type(name) is str and self._is_project(name)
            return (MODULE,) if is_state else ()
        if issubclass(kind, type):
            return (CLASS,) if self._is_ours(value) else ()
        # By its id: a metaclass may well define what the hash of a class is.
        known = self._known.get(id(kind))
        if known is None:
            known = self._known[id(kind)] = (kind, tuple(self._of_instances(kind)))
        return known[1]

    def _of_instances(self, kind: Any) -> Iterator[Slots]:
        """Say how to look into the instances of a class: what it is made of comes before what hangs on it."""
        for base, content in (*CONTENTS.items(), *SPECIAL.items()):
            if issubclass(kind, base):
                yield content
                break
        if is_one_of(kind, CONTENTS) or is_one_of(kind, SPECIAL):
            return
        if type_name(kind) in REMEMBERING:
            return
        is_busy = (
            module_of(kind).partition(".")[0] in TOO_BUSY and kind is not types.SimpleNamespace
        )
        if is_busy and not self._is_ours(kind) and not issubclass(kind, threading.local):
            return
        yield INSTANCE
        members = tuple(slots_of(kind))
        if members:
            yield SLOTTED._replace(
                values=functools.partial(slot_values, tuple(slot for _, slot in members)),
                keys=None,
                write=functools.partial(write_slot, dict(members)),
                names=tuple(name for name, _ in members),
            )


def is_no_state(slots: Slots, name: str) -> bool:
    """Tell what is made by asking for it, and what pytest and other libraries put there for themselves."""
    if slots not in (MODULE, CLASS, FUNCTION):
        return False
    return name in NOT_STATE or name.startswith(NOTES)


def _hidden(node: Node) -> Iterator[Tuple[str, Any]]:
    """List what hangs on a function besides its attributes: default arguments, and variables of the function around."""
    if node.slots is not FUNCTION:
        return
    function, code = node.owner, node.owner.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or ()):  # noqa: B905  (Python 3.9)
        yield ".<locals>." + name, cell
    positional = code.co_varnames[: code.co_argcount]
    defaults = function.__defaults__ or ()
    yield from (
        ("({})".format(name), value)
        for name, value in zip(positional[len(positional) - len(defaults) :], defaults)  # noqa: B905
    )
    yield from (
        ("({})".format(name), value) for name, value in (function.__kwdefaults__ or {}).items()
    )
