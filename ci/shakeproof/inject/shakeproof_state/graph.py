"""What can be reached from the globals of the project's modules: taken down so that a later look is cheap to compare.

Every container on the way - a module, a class, an instance, a dict, a list, a function with state of its own - is one
node, which keeps the very objects that it held. Whether it still holds them is asked by identity: that takes no code of
the project, and no time to speak of.
"""

from __future__ import annotations

import collections
import itertools
import operator
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

from .protocol import ABSENT
from .slots import CELL, MAPPING, Slots

MOST_PARTS = 5_000  # of one container: of what is larger, the first ones are looked at


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
