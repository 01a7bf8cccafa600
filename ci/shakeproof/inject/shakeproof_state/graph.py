"""What can be reached from the globals of the project's modules: taken down so that a later look is cheap to compare.

Every container on the way - a module, a class, an instance, a dict, a list, a function with state of its own - is one
node, which keeps the very objects that it held. Whether it still holds them is asked by identity: that takes no code of
the project, and no time to speak of.
"""

from __future__ import annotations

import collections
import contextvars
import functools
import operator
import types
from typing import Any, Callable, Dict, Iterable, Iterator, NamedTuple, Optional, Tuple

from .protocol import ABSENT
from .words import described

MOST_NODES = 20_000
DEEPEST = 8  # containers in containers
ATOMS = frozenset({bool, int, float, complex, str, bytes, type(None), type(Ellipsis), range, slice})
FUNCTION_STATE = ("__defaults__", "__kwdefaults__", "__dict__", "__closure__")
CACHED = type(functools.lru_cache(maxsize=None)(len))
# Instances of what is defined there have parts that change all the time and concern nobody.
TOO_BUSY = frozenset(
    {"_pytest", "types", "typing", "functools", "abc", "_thread", "builtins", "logging"}
)
# What pytest and the import system put into modules.
NOT_STATE = frozenset(
    {"__builtins__", "__cached__", "__warningregistry__", "@pytest_ar", "@py_builtins"}
)


class Slots(NamedTuple):
    """How a kind of container is read and written."""

    read: Callable[[Any], Dict[Any, Any]]  # its parts by name, index or key
    write: Callable[[Any, Any, Any], None]  # sets one part, or removes it where it is ABSENT
    show: Callable[[Any], str]  # how a part is written behind its container


class Node(NamedTuple):
    """One container as it was."""

    path: str  # where it was found: "app.settings.CACHE['x']"
    owner: Any
    slots: Slots
    names: Tuple[Any, ...]
    parts: Tuple[Any, ...]  # kept alive, so that no other object can have the id of one of them

    def is_same(self) -> bool:
        """Tell whether it holds what it held."""
        found = self.slots.read(self.owner)
        return (
            len(found) == len(self.parts)
            and all(map(operator.is_, found.values(), self.parts))
            and all(map(operator.is_, found, self.names))
        )

    def where(self, name: Any) -> str:
        """Say where one of its parts is."""
        return self.path + self.slots.show(name)


Graph = Dict[int, Node]  # by the id of the container


def walk(
    modules: Iterable[types.ModuleType],
    shallow: Iterable[types.ModuleType],
    is_project: Callable[[str], bool],
) -> Graph:
    """Take down everything that hangs on the globals of `modules`, and the globals alone of the `shallow` ones."""
    graph: Graph = {}
    waiting: collections.deque[Tuple[str, Any, int]] = collections.deque(
        (module.__name__, module, 0) for module in modules
    )
    for module in shallow:
        _add(graph, module.__name__, module, MODULE)
    while waiting and len(graph) < MOST_NODES:
        path, value, depth = waiting.popleft()
        slots = _slots(value, is_project)
        if slots is None or id(value) in graph:
            continue
        node = _add(graph, path, value, slots)
        if depth >= DEEPEST:
            continue
        # Of an object from elsewhere what it holds directly is looked at, and no more: that is its own business.
        ours = type(value) in BUILT_IN or is_project(getattr(value, "__module__", "") or "")
        waiting.extend(
            (node.where(name), part, depth + 1 if ours else DEEPEST)
            for name, part in zip(node.names, node.parts)  # noqa: B905  (Python 3.9)
            if type(part) not in ATOMS and (ours or type(part) in BUILT_IN)
        )
    return graph


def _add(graph: Graph, path: str, value: Any, slots: Slots) -> Node:
    found = slots.read(value)
    node = Node(path, value, slots, tuple(found), tuple(found.values()))
    graph[id(value)] = node
    return node


def _slots(value: Any, is_project: Callable[[str], bool]) -> Optional[Slots]:
    """Say how to look into a value; None where there is nothing to look into."""
    kind = type(value)
    if kind in BUILT_IN:
        return BUILT_IN[kind]
    if isinstance(value, types.ModuleType):
        return MODULE if is_project(value.__name__) else None
    if isinstance(value, type):
        return CLASS if is_project(value.__module__) else None
    if kind is types.FunctionType:
        return FUNCTION if is_project(value.__module__ or "") and _has_state(value) else None
    if kind is CACHED:
        return None
    if kind is contextvars.ContextVar:
        return CONTEXT
    if kind.__module__ in TOO_BUSY:
        return None
    # The attributes of a slotted class stand in descriptors, which are looked for once and not at every look.
    members = tuple(_members(kind))
    slots = Slots(
        functools.partial(_attributes, members),
        functools.partial(_write_attribute, dict(members)),
        _attribute,
    )
    return slots if is_project(kind.__module__) or slots.read(value) else None


def _has_state(function: types.FunctionType) -> bool:
    """Tell whether a function holds anything that can change: most do not."""
    held = (
        *(function.__defaults__ or ()),
        *(function.__kwdefaults__ or {}).values(),
        *function.__dict__.values(),
    )
    return bool(function.__closure__) or any(type(each) not in ATOMS for each in held)


def _module_parts(module: types.ModuleType) -> Dict[str, Any]:
    return {name: value for name, value in vars(module).items() if name not in NOT_STATE}


def _write_global(module: types.ModuleType, name: str, value: Any) -> None:
    _write_key(vars(module), name, value)


def _class_parts(owner: type) -> Dict[str, Any]:
    skipped = ("__dict__", "__weakref__", "__doc__", "__abstractmethods__", "_abc_impl")
    return {
        name: value
        for name, value in type.__getattribute__(owner, "__dict__").items()
        if name not in skipped
    }


def _write_class(owner: type, name: str, value: Any) -> None:
    if value is ABSENT:
        type.__delattr__(owner, name)
    else:
        type.__setattr__(owner, name, value)


def _attributes(members: Iterable[Tuple[str, Any]], owner: Any) -> Dict[str, Any]:
    """Read the instance's own attributes: its dictionary, and its slots."""
    try:
        found = dict(object.__getattribute__(owner, "__dict__"))
    except (AttributeError, TypeError, ValueError):
        found = {}
    for name, slot in members:
        try:
            found[name] = slot.__get__(owner)
        except AttributeError:  # it has no value
            continue
    return found


def _members(kind: type) -> Iterator[Tuple[str, Any]]:
    for base in type.__getattribute__(kind, "__mro__"):
        for name, slot in type.__getattribute__(base, "__dict__").items():
            if type(slot) is types.MemberDescriptorType:
                yield name, slot


def _write_attribute(members: Dict[str, Any], owner: Any, name: str, value: Any) -> None:
    slot = members.get(name)
    if slot is None:
        _write_key(object.__getattribute__(owner, "__dict__"), name, value)
    elif value is ABSENT:
        slot.__delete__(owner)
    else:
        slot.__set__(owner, value)


def _function_parts(function: types.FunctionType) -> Dict[str, Any]:
    found = {}
    for name in FUNCTION_STATE:
        value = getattr(function, name)
        if value:
            found[name] = value
    return found


def _write_function(function: types.FunctionType, name: str, value: Any) -> None:
    if name == "__closure__":
        raise LookupError(name)
    setattr(
        function,
        name,
        {} if value is ABSENT and name == "__dict__" else None if value is ABSENT else value,
    )


def _cell_parts(cell: types.CellType) -> Dict[str, Any]:
    try:
        return {"cell_contents": cell.cell_contents}
    except ValueError:  # it is empty
        return {}


def _write_cell(cell: types.CellType, name: str, value: Any) -> None:
    if value is ABSENT:
        del cell.cell_contents
    else:
        cell.cell_contents = value


def _context_parts(variable: contextvars.ContextVar[Any]) -> Dict[str, Any]:
    value = variable.get(ABSENT)
    return {} if value is ABSENT else {"get()": value}


def _write_context(variable: contextvars.ContextVar[Any], name: str, value: Any) -> None:
    if value is ABSENT:
        raise LookupError(name)
    variable.set(value)


def _write_key(owner: Dict[Any, Any], name: Any, value: Any) -> None:
    if value is ABSENT:
        dict.pop(owner, name, None)
    else:
        dict.__setitem__(owner, name, value)


def _numbered(owner: Any) -> Dict[Any, Any]:
    return dict(enumerate(owner))


def _write_nothing(owner: Any, name: Any, value: Any) -> None:
    raise LookupError(name)  # a whole container is put back, or nothing of it


def refill(node: Node) -> None:
    """Give a list, set or deque the parts that it had."""
    owner = node.owner
    if isinstance(owner, list):
        list.__setitem__(owner, slice(None), list(node.parts))
    elif isinstance(owner, set):
        set.clear(owner)
        set.update(owner, node.parts)
    elif isinstance(owner, collections.deque):
        collections.deque.clear(owner)
        collections.deque.extend(owner, node.parts)
    else:
        raise LookupError(node.path)


def _attribute(name: str) -> str:
    return "." + name


def _item(key: Any) -> str:
    return "[" + described(key) + "]"


MODULE = Slots(_module_parts, _write_global, _attribute)
CLASS = Slots(_class_parts, _write_class, _attribute)
FUNCTION = Slots(_function_parts, _write_function, _attribute)
CELL = Slots(_cell_parts, _write_cell, _attribute)
CONTEXT = Slots(_context_parts, _write_context, _attribute)
MAPPING = Slots(dict, _write_key, _item)
SEQUENCE = Slots(_numbered, _write_nothing, _item)
BUILT_IN = types.MappingProxyType(
    {
        dict: MAPPING,
        collections.OrderedDict: MAPPING,
        collections.defaultdict: MAPPING,
        collections.Counter: MAPPING,
        list: SEQUENCE,
        tuple: SEQUENCE,
        set: SEQUENCE,
        frozenset: SEQUENCE,
        collections.deque: SEQUENCE,
        types.CellType: CELL,
    }
)
