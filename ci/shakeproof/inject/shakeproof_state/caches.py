"""What the caches of `functools` hold."""

from __future__ import annotations

import gc
import re
import sys
from typing import Any, Callable, Dict, Iterator, Mapping, NamedTuple

from .graph import CACHED
from .protocol import Change
from .words import described


class Held(NamedTuple):
    """One cache as it was."""

    cache: Any
    size: int
    misses: int  # the same size with more misses: emptied, and filled again


class Caches:
    """The functions of the project under `functools.cache` or `lru_cache`, found through the garbage collector."""

    name = "caches"

    def __init__(self, is_project: Callable[[str], bool]) -> None:
        self._is_project = is_project
        self._found: Dict[str, Any] = {}
        self._modules = 0

    def look(self) -> Mapping[str, Held]:
        """Ask each for its size; it is not called."""
        if self._modules != len(sys.modules):  # who defines a function is imported before
            self._modules = len(sys.modules)
            self._found = {_name(each): each for each in gc.get_objects() if self._is_ours(each)}
        found = {}
        for name, cache in self._found.items():
            _, misses, _, size = cache.cache_info()
            found[name] = Held(cache, size, misses)
        return found

    def _is_ours(self, found: object) -> bool:
        return type(found) is CACHED and self._is_project(getattr(found, "__module__", None) or "")

    def changes(self, before: Mapping[str, Held], after: Mapping[str, Held]) -> Iterator[Change]:
        """List the caches that were filled or emptied. Being asked for what it holds changes nothing for anybody."""
        for name, now in after.items():
            was = before.get(name, now._replace(size=0, misses=0))
            if (was.size, was.misses) != (now.size, now.misses):
                yield Change(_category(name, now.cache), name, _told(was.size), _content(now))

    def put_back(self, before: Mapping[str, Held], key: str) -> None:
        """Empty it: what it held can be had again by asking, and nobody could put in what was there."""
        self._found[key].cache_clear()


def _name(cache: Any) -> str:
    return "{}.{}()".format(cache.__module__, cache.__qualname__)


def _category(name: str, cache: Any) -> str:
    """Tell settings by how the function or what it returns is called."""
    returned = getattr(cache.__wrapped__, "__annotations__", {}).get("return", "")
    names = "{} {}".format(name, getattr(returned, "__name__", returned))
    return "settings" if re.search(r"settings|config", names, re.IGNORECASE) else "cache"


def _told(size: int) -> str:
    return "1 entry" if size == 1 else "{} entries".format(size) if size else "empty"


def _content(held: Held) -> str:
    """Say how much it holds, and the first values where it keeps them in reach (a cache without bounds does)."""
    values = [
        described(value)
        for part in gc.get_referents(held.cache)
        if type(part) is dict and len(part) == held.size and part is not held.cache.__dict__
        for value in list(part.values())[:1]
    ]
    known = ": " + values[0] if values and "_lru_list_elem" not in values[0] else ""
    return _told(held.size) + known
