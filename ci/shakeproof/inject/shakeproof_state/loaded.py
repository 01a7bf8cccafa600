"""The modules of the project that are loaded."""

from __future__ import annotations

import operator
import sys
from importlib.machinery import ModuleSpec
from typing import Any, Callable, Tuple

from .raw import is_module, module_dict


class Loaded:
    """Lists them; anew only when one was loaded, forgotten or replaced.

    One that is just being imported is left out: it is not yet what it will be.
    """

    def __init__(self, is_project: Callable[[str], bool]) -> None:
        self._is_project = is_project
        self._size = 0
        self._is_importing = False
        self._last: Any = None
        self._names: Tuple[str, ...] = ()
        self._own: Tuple[Any, ...] = ()
        self._found: Tuple[Tuple[str, Any], ...] = ()

    def modules(self) -> Tuple[Tuple[str, Any], ...]:
        """Give them by name: the same tuple as long as they are the same ones."""
        loaded = sys.modules
        # Whatever comes new comes last; comparing the thousands before it would take longer than all the rest.
        last = next(reversed(loaded.values()), None)
        if (
            self._is_importing
            or len(loaded) != self._size
            or last is not self._last
            or not all(map(operator.is_, map(loaded.get, self._names), self._own))
        ):
            self._size, self._last = len(loaded), last
            own = [
                (name, module) for name, module in list(loaded.items()) if self._is_project(name)
            ]
            found = tuple(each for each in own if not _is_being_imported(each[1]))
            self._is_importing = len(found) < len(own)
            self._names, self._own = (
                tuple(name for name, _ in found),
                tuple(module for _, module in found),
            )
            if len(found) != len(self._found) or any(
                one[1] is not other[1]
                for one, other in zip(found, self._found)  # noqa: B905  (Python 3.9)
            ):
                self._found = found
        return self._found


def _is_being_imported(module: Any) -> bool:
    spec = module_dict(module).get("__spec__") if is_module(module) else None
    return type(spec) is ModuleSpec and getattr(spec, "_initializing", False) is True
