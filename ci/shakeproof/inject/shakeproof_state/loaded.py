"""The modules of the project that are loaded."""

from __future__ import annotations

import operator
import sys
from typing import Any, Callable, Tuple


class Loaded:
    """Lists them; anew only when something in `sys.modules` is another."""

    def __init__(self, is_project: Callable[[str], bool]) -> None:
        self._is_project = is_project
        self._seen: Tuple[Any, ...] = ()
        self._own: Tuple[Tuple[str, Any], ...] = ()

    def modules(self) -> Tuple[Tuple[str, Any], ...]:
        """Give them by name: the same tuple as long as they are the same ones."""
        loaded = sys.modules
        if len(loaded) != len(self._seen) or not all(
            map(operator.is_, loaded.values(), self._seen)
        ):
            self._seen = tuple(loaded.values())
            own = tuple(
                (name, module) for name, module in list(loaded.items()) if self._is_project(name)
            )
            if len(own) != len(self._own) or any(a[1] is not b[1] for a, b in zip(own, self._own)):  # noqa: B905
                self._own = own
        return self._own
