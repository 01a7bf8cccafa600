"""Values as text, without calling any code of the project: what is not built in is told by its type and attributes."""

from __future__ import annotations

import collections
import os
import types
from typing import Any, Iterable, Sequence, Tuple

from .raw import (
    bases,
    instance_dict,
    is_module,
    is_one_of,
    module_dict,
    module_of,
    name_of,
    slots_of,
)

LONGEST = 120  # characters of one value
MOST_ITEMS = 8  # of a container
DEEPEST = 3  # containers in containers
LARGEST = (
    1 << 256
)  # beyond that a number is told by its size: Python refuses to write very large ones
ELLIPSIS = "..."
# What is written in front of the items and behind them.
BRACKETS = types.MappingProxyType(
    {
        "list": ("[", "]"),
        "tuple": ("(", ")"),
        "set": ("{", "}"),
        "frozenset": ("frozenset({", "})"),
        "deque": ("deque([", "])"),
        "dict": ("{", "}"),
        "OrderedDict": ("{", "}"),
        "defaultdict": ("{", "}"),
        "Counter": ("{", "}"),
    }
)
LISTED = frozenset({list, tuple, set, frozenset, collections.deque})
MAPPED = frozenset({dict, collections.OrderedDict, collections.defaultdict, collections.Counter})
# Written in C, or immutable and of the standard library: their own words are safe. By name, to import none of them.
SPEAKING = frozenset(
    {"datetime.date", "datetime.timedelta", "datetime.timezone", "decimal.Decimal", "uuid.UUID"}
)
MOMENTS = frozenset({"datetime.datetime", "datetime.time"})  # safe where the time zone is
ZONES = frozenset({"NoneType", "datetime.timezone", "zoneinfo.ZoneInfo"})
TELLING = frozenset({bool, int, float, str, bytes})  # attributes worth a word in front of others
PATHS = frozenset({"PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"})


def described(value: Any, depth: int = 0) -> str:
    """Say a value in one line."""
    kind: Any = type(value)
    if type(kind) is not type:  # a metaclass may well define what equals its classes
        return _class_or_instance(kind, value, depth)
    if kind in (bool, float, complex, type(None), type(Ellipsis)):
        return repr(value)
    if kind is int:
        return (
            repr(value)
            if -LARGEST < value < LARGEST
            else "<int of {} bits>".format(value.bit_length())
        )
    if kind in (str, bytes):
        return short(repr(value[: LONGEST + 1]))
    if kind in LISTED:
        return listed(kind.__name__, _first(value), len(value), depth)
    if kind in MAPPED:
        return mapped(kind.__name__, _first(dict.items(value)), len(value), depth)
    if kind in (types.FunctionType, types.BuiltinFunctionType):
        return "<{} {}>".format(
            "function" if kind is types.FunctionType else "built-in", _full_name(value)
        )
    return _class_or_instance(kind, value, depth)


def _class_or_instance(kind: Any, value: Any, depth: int) -> str:
    if issubclass(kind, type):
        return "<class {}>".format(type_name(value))
    if is_module(value):
        return "<module {}>".format(module_dict(value).get("__name__"))
    return _instance(kind, value, depth)


def listed(name: str, items: Iterable[Any], size: int, depth: int = 0) -> str:
    """Say a list, or the like, of which these are the first items."""
    left, right = BRACKETS.get(name, ("[", "]"))
    if not size and name in ("set", "frozenset"):
        return name + "()"
    return _enclosed(
        left, (described(each, depth + 1) for each in items), size, right, depth, name == "tuple"
    )


def mapped(name: str, items: Iterable[Tuple[Any, Any]], size: int, depth: int = 0) -> str:
    """Say a dictionary of which these are the first items."""
    left, right = BRACKETS.get(name, ("{", "}"))
    told = (
        "{}: {}".format(described(key, depth + 1), described(value, depth + 1))
        for key, value in items
    )
    return _enclosed(left, told, size, right, depth)


def contrasted(was: str, is_now: str) -> Tuple[str, str]:
    """Say that two values are not the same one where both read the same."""
    return was, ("another " + is_now if was == is_now else is_now)


def differing(was: Sequence[Any], is_now: Sequence[Any], name: str = "tuple") -> Tuple[str, str]:
    """Say two sequences, from shortly before where they differ."""
    texts = listed(name, was, len(was)), listed(name, is_now, len(is_now))
    if max(len(was), len(is_now)) <= MOST_ITEMS and max(map(len, texts)) < LONGEST:
        return contrasted(*texts)
    least = min(len(was), len(is_now))
    same = behind = 0
    while same < least and was[same] is is_now[same]:
        same += 1
    while behind < least - same and was[-1 - behind] is is_now[-1 - behind]:
        behind += 1
    return contrasted(_but_for(was, same, behind, name), _but_for(is_now, same, behind, name))


def _but_for(items: Sequence[Any], same: int, behind: int, name: str) -> str:
    """Say a sequence, but for the first and the last items, which are the same in another."""
    left, right = BRACKETS.get(name, ("[", "]"))
    others = items[same : len(items) - behind]
    told = ["{} {} the same".format(ELLIPSIS, same)] if same else []
    told += [described(each, 1) for each in others[:MOST_ITEMS]]
    if len(others) > MOST_ITEMS:
        told.append("{} of {}".format(ELLIPSIS, len(items)))
    elif behind:
        told.append("{} {} the same".format(ELLIPSIS, behind))
    return short(left + ", ".join(told) + right)


def type_name(kind: Any) -> str:
    """Give a class's full name."""
    module = module_of(kind)
    return name_of(kind) if module in ("", "builtins") else "{}.{}".format(module, name_of(kind))


def short(text: str) -> str:
    """Cut what is too long for a line."""
    return text if len(text) <= LONGEST else text[: LONGEST - len(ELLIPSIS)] + ELLIPSIS


def _enclosed(  # noqa: PLR0917
    left: str,
    items: Iterable[str],
    size: int,
    right: str,
    depth: int,
    is_tuple: bool = False,  # noqa: FBT001, FBT002
) -> str:
    if depth >= DEEPEST:
        return left + ELLIPSIS + right
    told = [each for each, _ in zip(items, range(MOST_ITEMS))]  # noqa: B905  (Python 3.9)
    if size > len(told):
        told.append("{} of {}".format(ELLIPSIS, size))
    return short(left + ", ".join(told) + ("," if is_tuple and size == 1 else "") + right)


def _instance(kind: Any, value: Any, depth: int) -> str:
    """Say what an object is, and what it holds."""
    name = type_name(kind)
    if name in SPEAKING or (name in MOMENTS and type_name(type(value.tzinfo)) in ZONES):
        return str(value)
    if name_of(kind) in PATHS and module_of(kind).partition(".")[0] == "pathlib":
        return repr(os.fspath(value))
    own = instance_dict(value) or {}
    if (
        type(own) is dict
        and type(own.get("_name_")) is str
        and any(module_of(each) == "enum" for each in bases(kind))
    ):
        return "<{}.{}>".format(name, own["_name_"])
    if (
        module_of(kind).partition(".")[0] == "unittest"
    ):  # a mock: its attributes are its own business
        return "<{} object>".format(name)
    held = (
        [(key, each) for key, each in own.items() if type(key) is str] if type(own) is dict else []
    )
    for attribute, slot in slots_of(kind):
        try:
            held.append((attribute, slot.__get__(value)))
        except AttributeError:  # it has no value
            continue
    told = [
        "{}={}".format(attribute, described(each, depth + 1))
        for attribute, each in held
        if not attribute.startswith("_") and is_one_of(type(each), TELLING)
    ]
    if not told or depth >= DEEPEST:
        return "<{} object>".format(name)
    return _enclosed("<{}: ".format(name), told, len(told), ">", depth)


def _first(value: Iterable[Any]) -> Any:
    return [each for each, _ in zip(value, range(MOST_ITEMS))]  # noqa: B905  (Python 3.9)


def _full_name(function: Any) -> str:
    module, name = function.__module__, function.__qualname__
    return (
        str(name)
        if type(module) is not str or module == "builtins"
        else "{}.{}".format(module, name)
    )
