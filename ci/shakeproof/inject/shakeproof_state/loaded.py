"""The modules of the project that are loaded."""

from __future__ import annotations

import operator
import sys
from typing import Any, Callable, Tuple


class Loaded:
    """Lists them; anew only when one was loaded, forgotten or replaced."""

    def __init__(self, is_project: Callable[[str], bool]) -> None:
        self._is_project = is_project
        self._size = 0
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
            len(loaded) != self._size
            or last is not self._last
            or not all(map(operator.is_, map(loaded.get, self._names), self._own))
        ):
            self._size, self._last = len(loaded), last
            found = tuple(
                (name, module) for name, module in list(loaded.items()) if self._is_project(name)
            )
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
