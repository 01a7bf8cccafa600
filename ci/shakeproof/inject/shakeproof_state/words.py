"""Values as text, without calling any code of the project: what is not built in is told by its type."""

from __future__ import annotations

import types
from typing import Any

LONGEST = 120  # characters of one value
MOST_ITEMS = 8  # of a container
DEEPEST = 3  # containers in containers
ELLIPSIS = "..."


def described(value: Any, depth: int = 0) -> str:
    """Say a value in one line."""
    kind = type(value)
    if kind in (bool, int, float, complex, type(None)):
        return repr(value)
    if kind in (str, bytes):
        return _short(repr(value[: LONGEST + 1]))
    if kind in (list, tuple, set, frozenset):
        return _container(value, depth)
    if kind is dict:
        return _mapping(value, depth)
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, type)):
        return "<{} {}>".format(kind.__name__, _name(value))
    if isinstance(value, types.ModuleType):
        return "<module {}>".format(
            types.ModuleType.__getattribute__(value, "__dict__").get("__name__")
        )
    return "<{} object>".format(_name(kind))


def _container(value: Any, depth: int) -> str:
    left, right = {list: "[]", tuple: "()", set: "{}", frozenset: ("frozenset({", "})")}[
        type(value)
    ]
    if not value and type(value) in (set, frozenset):
        return type(value).__name__ + "()"
    if depth >= DEEPEST:
        return left + ELLIPSIS + right
    items = [described(each, depth + 1) for each in _first(value)]
    if len(value) > MOST_ITEMS:
        items.append("{} of {}".format(ELLIPSIS, len(value)))
    comma = "," if type(value) is tuple and len(value) == 1 else ""
    return _short(left + ", ".join(items) + comma + right)


def _mapping(value: Any, depth: int) -> str:
    if depth >= DEEPEST:
        return "{" + ELLIPSIS + "}"
    items = [
        described(key, depth + 1) + ": " + described(value[key], depth + 1)
        for key in _first(value)
        if type(key) in (str, int, bytes, tuple)  # others would be asked for their hash
    ]
    if len(value) > MOST_ITEMS:
        items.append("{} of {}".format(ELLIPSIS, len(value)))
    return _short("{" + ", ".join(items) + "}")


def _first(value: Any) -> Any:
    return [each for each, _ in zip(value, range(MOST_ITEMS))]  # noqa: B905  (Python 3.9)


def _name(value: Any) -> str:
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "?")
    return str(name) if module in (None, "builtins") else "{}.{}".format(module, name)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - len(ELLIPSIS)] + ELLIPSIS
