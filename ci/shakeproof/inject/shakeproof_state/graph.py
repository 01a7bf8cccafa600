"""What can be reached from the globals of the project's modules: taken down so that a later look is cheap to compare.

Every container on the way - a module, a class, an instance, a dict, a list, a function with state of its own - is one
node, which keeps the very objects that it held. Whether it still holds them is asked by identity: that takes no code of
the project, and no time to speak of.
"""

from __future__ import annotations

import collections
import contextvars
import functools
import itertools
import operator
import sys
import threading
import types
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from .protocol import ABSENT, ATOMS
from .raw import class_dict, instance_dict, is_module, is_one_of, module_dict, module_of, slots_of
from .words import described

MOST_NODES = 20_000
MOST_PARTS = 5_000  # of one container: of what is larger, the first ones are looked at
DEEPEST = 8  # containers in containers
CACHED = type(functools.lru_cache(maxsize=None)(len))
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
# What pytest and the import system put into modules, and what Python makes when it is asked for the first time.
NOT_STATE = frozenset(
    (  # noqa: SIM905  (likewise)
        "__builtins__ __cached__ __warningregistry__ @pytest_ar @py_builtins __path__ __doc__ "
        "__dict__ __weakref__ __abstractmethods__ _abc_impl __slotnames__ __signature__ __parameters__ "
        "__annotations__ __annotate__ __annotate_func__ __annotations_cache__ __conditional_annotations__ "
        "_value2member_map_"  # the combinations of an enumeration's flags
    ).split()
)


class Slots(NamedTuple):
    """How a kind of container is read and written."""

    values: Callable[[Any], Iterable[Any]]  # of what is live
    write: Callable[
        [Any, Any, Any], None
    ]  # sets one part of the owner, or removes it where it is ABSENT
    show: Callable[[Any], str]  # how a part is written behind its container
    keys: Optional[Callable[[Any], Iterable[Any]]] = None  # None: `names`, or numbers
    live: Optional[Callable[[Any], Any]] = (
        None  # what holds the parts, where not the owner itself: its __dict__
    )
    size: Optional[Callable[[Any], int]] = None  # None: always the same
    is_whole: bool = False  # told and put back as a whole, not part by part
    is_fixed: bool = False  # what it holds cannot change
    names: Tuple[Any, ...] = ()  # of the parts, where they are always the same
    value: Optional[Callable[[Any], Any]] = (
        None  # where there is but one: the same without a tuple around it
    )


class Place(NamedTuple):
    """Where a container was found."""

    up: Optional[Place]
    text: Callable[[Any], str]
    name: Any

    @property
    def path(self) -> str:
        """Say it: app.settings.CACHE['x']."""
        return ("" if self.up is None else self.up.path) + self.text(self.name)


class Found(NamedTuple):
    """A value that is to be looked into."""

    place: Place
    value: Any
    kinds: Tuple[Slots, ...]
    depth: int


class Node:
    """One container as it was."""

    __slots__ = ("depth", "inner", "live", "names", "owner", "parts", "place", "size", "slots")

    def __init__(self, place: Place, depth: int, owner: Any, slots: Slots) -> None:
        self.place = place
        self.depth = depth
        self.owner = owner
        self.slots = slots
        self.live = slots.live(owner) if slots.live else owner
        self.size = slots.size(self.live) if slots.size else 0
        # Kept alive, so that no other object can have their ids.
        self.parts = tuple(self._first(slots.values))
        self.names = slots.names or tuple(
            self._first(slots.keys) if slots.keys else range(len(self.parts))
        )
        self.inner: Tuple[Found, ...] = ()  # those of its parts that are worth a look themselves

    def _first(self, read: Callable[[Any], Iterable[Any]]) -> Iterable[Any]:
        return (
            itertools.islice(read(self.live), MOST_PARTS)
            if self.size > MOST_PARTS
            else read(self.live)
        )

    def is_at(self, found: Found) -> bool:
        """Tell whether this is what was found, and where it was found."""
        place = self.place
        is_same_place = place.up is found.place.up and place.name is found.place.name
        return is_same_place and self.owner is found.value and self.depth == found.depth

    def is_same(self) -> bool:
        """Tell whether it holds what it held."""
        slots = self.slots
        return slots.is_fixed or (
            (not slots.size or slots.size(self.live) == self.size)
            and all(map(operator.is_, self._first(slots.values), self.parts))
            and (not slots.keys or all(map(operator.is_, self._first(slots.keys), self.names)))
        )

    @property
    def is_partial(self) -> bool:
        """Tell whether it is too large to be looked at as a whole."""
        return self.size > MOST_PARTS

    @property
    def path(self) -> str:
        """Say where it was found."""
        return self.place.path

    def where(self, name: Any) -> str:
        """Say where one of its parts is."""
        return self.path + self.slots.show(name)


Graph = Dict[
    Any, Node
]  # by the id of the container; where one of them is looked at in several ways, by id and number


class Group:
    """All the nodes of one kind, to be compared in one sweep: a call for each would take most of the time."""

    def __init__(self, slots: Slots, nodes: List[Node]) -> None:
        self._slots = slots
        self._all = [node.live for node in nodes]
        self._sizes = [node.size for node in nodes]
        # An empty one has nothing to compare but its size.
        held = [node for node in nodes if node.parts]
        self._lives = [node.live for node in held]
        self._parts = [part for node in held for part in node.parts]
        self._names = [name for node in held for name in node.names]

    def is_same(self) -> bool:
        """Tell whether all of them hold what they held."""
        slots, lives = self._slots, self._lives
        if slots.size and not all(map(operator.eq, map(slots.size, self._all), self._sizes)):
            return False
        if slots.value:
            try:
                return all(map(operator.is_, map(slots.value, lives), self._parts))
            except ValueError:  # a cell that is empty now
                return False
        chained = itertools.chain.from_iterable
        return all(map(operator.is_, chained(map(slots.values, lives)), self._parts)) and (
            not slots.keys or all(map(operator.is_, chained(map(slots.keys, lives)), self._names))
        )


class Snapshot:
    """A graph as it was."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        kinds: Dict[int, List[Node]] = {}
        self._single: List[Node] = []
        for node in graph.values():
            if node.is_partial or (node.slots is CELL and node.parts[0] is ABSENT):
                self._single.append(node)
            elif not node.slots.is_fixed:
                kinds.setdefault(id(node.slots), []).append(node)
        self._groups = [Group(nodes[0].slots, nodes) for nodes in kinds.values()]

    def is_same(self) -> bool:
        """Tell whether nothing in it has changed."""
        return all(group.is_same() for group in self._groups) and all(
            node.is_same() for node in self._single
        )

    @property
    def is_partial(self) -> bool:
        """Tell whether there was more than was looked at."""
        return len(self.graph) >= MOST_NODES


class Walker:
    """Takes graphs down. `is_project` tells by its name whether a module is the project's own."""

    def __init__(self, is_project: Callable[[str], bool]) -> None:
        self._is_project = is_project
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
        while waiting and len(graph) < MOST_NODES:
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
        is_busy = (
            module_of(kind).partition(".")[0] in TOO_BUSY and kind is not types.SimpleNamespace
        )
        if is_busy and not self._is_ours(kind) and not issubclass(kind, threading.local):
            return
        yield INSTANCE
        members = tuple(slots_of(kind))
        if members:
            yield SLOTTED._replace(
                values=functools.partial(_slot_values, tuple(slot for _, slot in members)),
                keys=None,
                write=functools.partial(_write_slot, dict(members)),
                names=tuple(name for name, _ in members),
            )


def is_no_state(slots: Slots, name: str) -> bool:
    """Tell what is made by asking for it, and what pytest puts there."""
    return slots in (MODULE, CLASS) and (name in NOT_STATE or name.startswith("__pydantic_"))


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


def _write_global(module: Any, name: Any, value: Any) -> None:
    _write_key(module_dict(module), name, value)


def _write_class(owner: Any, name: str, value: Any) -> None:
    if value is ABSENT:
        type.__delattr__(owner, name)
    else:
        type.__setattr__(owner, name, value)


def _own_dict(owner: Any) -> Any:
    found = instance_dict(owner)
    return {} if found is None else found


def _write_attribute(owner: Any, name: Any, value: Any) -> None:
    found = instance_dict(owner)
    if found is None:
        raise LookupError(name)
    _write_key(found, name, value)


def _slot_values(slots: Iterable[Any], owner: Any) -> List[Any]:
    found = []
    for slot in slots:
        try:
            found.append(slot.__get__(owner))
        except AttributeError:  # it has no value
            found.append(ABSENT)
    return found


def _write_slot(slots: Dict[str, Any], owner: Any, name: str, value: Any) -> None:
    if value is not ABSENT:
        slots[name].__set__(owner, value)
    elif _slot_values((slots[name],), owner) != [ABSENT]:
        slots[name].__delete__(owner)


def _function_dict(function: Any) -> Any:
    return function.__dict__


def _write_function(function: Any, name: str, value: Any) -> None:
    _write_key(function.__dict__, name, value)


def _defaults(function: Any) -> Tuple[Any, ...]:
    return (function.__defaults__, function.__kwdefaults__)


def _cell_content(cell: Any) -> Tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # it is empty
        return (ABSENT,)


def _write_cell(cell: Any, _name: Any, value: Any) -> None:
    if value is ABSENT:
        del cell.cell_contents
    else:
        cell.cell_contents = value


def _context_value(variable: Any) -> Tuple[Any, ...]:
    try:
        return (variable.get(),)
    except LookupError:  # it has neither been set nor a default
        return (ABSENT,)


def _write_context(variable: Any, name: Any, value: Any) -> None:
    if value is ABSENT:
        raise LookupError(name)  # only who has set it could take that back
    variable.set(value)


def _count(counter: Any) -> Tuple[str, ...]:
    return (
        sys.intern(repr(counter)),
    )  # which does not advance it, and is the same object as long as it reads the same


def _write_nothing(_owner: Any, name: Any, _value: Any) -> None:
    raise LookupError(name)


def _write_key(owner: Any, name: Any, value: Any) -> None:
    kind: Any = (
        collections.OrderedDict if issubclass(type(owner), collections.OrderedDict) else dict
    )
    if value is ABSENT:
        kind.pop(owner, name, None)
    else:
        kind.__setitem__(owner, name, value)


def put_in_order(node: Node) -> None:
    """Give the keys of a dictionary the order that they had: what was put back stands last."""
    owner = node.owner
    if node.slots is not MAPPING or node.is_partial:
        return
    kind: Any = (
        collections.OrderedDict if issubclass(type(owner), collections.OrderedDict) else dict
    )
    there = dict(dict.items(owner))
    first = {name: there[name] for name in node.names if name in there}
    if list(there) != [*first, *(name for name in there if name not in first)]:
        kind.clear(owner)
        for name, value in {**first, **there}.items():
            kind.__setitem__(owner, name, value)


def refill(node: Node) -> None:
    """Give a list, set or deque the parts that it had."""
    owner = node.owner
    kind = type(owner)
    if node.is_partial or not issubclass(kind, (list, set, collections.deque)):
        raise LookupError(node.path)
    if issubclass(kind, list):
        list.__setitem__(owner, slice(None), list(node.parts))
    elif issubclass(kind, set):
        set.clear(owner)
        set.update(owner, node.parts)
    else:
        collections.deque.clear(owner)
        collections.deque.extend(owner, node.parts)


def _attribute(name: Any) -> str:
    return name if str(name)[:1] in ".(" else ".{}".format(name)


def _item(key: Any) -> str:
    return "[" + described(key) + "]"


def _nothing(_name: Any) -> str:
    return ""


def _get(_name: Any) -> str:
    return ".get()"


_view = types.MappingProxyType
MODULE = Slots(dict.values, _write_global, _attribute, dict.keys, module_dict, dict.__len__)
CLASS = Slots(_view.values, _write_class, _attribute, _view.keys, class_dict, len)
INSTANCE = Slots(dict.values, _write_attribute, _attribute, dict.keys, _own_dict, dict.__len__)
SLOTTED = Slots(_defaults, _write_nothing, _attribute)
FUNCTION = Slots(dict.values, _write_function, _attribute, dict.keys, _function_dict, dict.__len__)
DEFAULTS = Slots(_defaults, setattr, _attribute, names=("__defaults__", "__kwdefaults__"))
CELL = Slots(_cell_content, _write_cell, _nothing, value=operator.attrgetter("cell_contents"))
CONTEXT = Slots(_context_value, _write_context, _get)
COUNT = Slots(_count, _write_nothing, _nothing)
MAPPING = Slots(dict.values, _write_key, _item, dict.keys, None, dict.__len__)
LIST = Slots(list.__iter__, _write_nothing, _item, None, None, list.__len__, is_whole=True)
SET = Slots(set.__iter__, _write_nothing, _item, None, None, set.__len__, is_whole=True)
DEQUE = Slots(
    collections.deque.__iter__,
    _write_nothing,
    _item,
    None,
    None,
    collections.deque.__len__,
    is_whole=True,
)
TUPLE = Slots(tuple.__iter__, _write_nothing, _item, is_whole=True, is_fixed=True)
FROZEN = Slots(frozenset.__iter__, _write_nothing, _item, is_whole=True, is_fixed=True)
OURS = (MODULE, CLASS, FUNCTION, DEFAULTS, CELL, CONTEXT)
CONTENTS = types.MappingProxyType(
    {
        dict: MAPPING,
        collections.OrderedDict: MAPPING,
        collections.defaultdict: MAPPING,
        collections.Counter: MAPPING,
        list: LIST,
        tuple: TUPLE,
        set: SET,
        frozenset: FROZEN,
        collections.deque: DEQUE,
    }
)
SPECIAL = types.MappingProxyType(
    {types.CellType: CELL, contextvars.ContextVar: CONTEXT, itertools.count: COUNT}
)
