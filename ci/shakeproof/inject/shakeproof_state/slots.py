"""How each kind of container is read and written, without any code of the project being called."""

from __future__ import annotations

import collections
import contextvars
import gc
import itertools
import operator
import sys
import types
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

from .cached import arguments_of, results_of, size_of
from .protocol import ABSENT, ATOMS
from .raw import class_dict, instance_dict, is_one_of, module_dict
from .words import described


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


def slot_values(slots: Iterable[Any], owner: Any) -> List[Any]:
    """Give what the slots of an instance hold; ABSENT for one that has no value."""
    found = []
    for slot in slots:
        try:
            found.append(slot.__get__(owner))
        except AttributeError:  # it has no value
            found.append(ABSENT)
    return found


def write_slot(slots: Dict[str, Any], owner: Any, name: str, value: Any) -> None:
    """Set one slot of an instance, or empty it."""
    if value is not ABSENT:
        slots[name].__set__(owner, value)
    elif slot_values((slots[name],), owner) != [ABSENT]:
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


def _leave(_owner: Any, _name: Any, _value: Any) -> None:
    """Write nothing, where another probe sees to it."""


def _behind(proxy: Any) -> Dict[Any, Any]:
    """Give the dictionary that a read-only view shows."""
    found = gc.get_referents(proxy)
    return found[0] if len(found) == 1 and type(found[0]) is dict else {}


def _write_behind(proxy: Any, name: Any, value: Any) -> None:
    _write_key(_behind(proxy), name, value)


def _write_key(owner: Any, name: Any, value: Any) -> None:
    kind: Any = (
        collections.OrderedDict if issubclass(type(owner), collections.OrderedDict) else dict
    )
    if value is ABSENT:
        kind.pop(owner, name, None)
    else:
        kind.__setitem__(owner, name, value)


def _attribute(name: Any) -> str:
    return name if str(name)[:1] in ".(" else ".{}".format(name)


def _item(key: Any) -> str:
    return "[" + described(key) + "]"


def _nothing(_name: Any) -> str:
    return ""


def _call(arguments: Any) -> str:
    """Write what a cached function was called with: in a tuple, a bare object stands before the keywords."""
    if type(arguments) is not tuple:
        return "({})".format(described(arguments))
    plain: Tuple[Any, ...] = arguments
    keywords: Tuple[Any, ...] = ()
    for number, each in enumerate(arguments):
        if type(each) is object:
            plain, keywords = arguments[:number], arguments[number + 1 :]
            break
    named = [
        "{}={}".format(name, described(value))
        for name, value in zip(keywords[::2], keywords[1::2])  # noqa: B905  (Python 3.9)
        if is_one_of(type(name), ATOMS)
    ]
    return "({})".format(", ".join([*map(described, plain), *named]))


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
# What it holds is the caches' probe's business; what hangs on that is looked at here.
CACHE = Slots(results_of, _leave, _call, arguments_of, None, size_of)
COUNT = Slots(_count, _write_nothing, _nothing)
MAPPING = Slots(dict.values, _write_key, _item, dict.keys, None, dict.__len__)
PROXY = Slots(dict.values, _write_behind, _item, dict.keys, _behind, dict.__len__)
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
OURS = (MODULE, CLASS, FUNCTION, DEFAULTS, CELL, CONTEXT, CACHE)
CONTENTS = types.MappingProxyType(
    {
        dict: MAPPING,
        types.MappingProxyType: PROXY,
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
