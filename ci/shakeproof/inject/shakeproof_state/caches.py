"""What the caches of `functools` hold."""

from __future__ import annotations

import gc
import re
import sys
import types
from typing import Any, Callable, Container, Dict, Iterator, Mapping, NamedTuple, Optional, Tuple

from .cached import CACHED, entries, module_of_cached
from .loaded import Loaded
from .protocol import Change, is_alike
from .words import ELLIPSIS, contrasted, described, type_name

MOST_VALUES = 3  # that are told
MOST_COMPARED = 100  # results of one cache; of more it is known how many there are


class Held(NamedTuple):
    """One cache as it was."""

    cache: Any
    size: int
    misses: int
    results: Optional[Tuple[Any, ...]]  # None where there are too many, or they cannot be had


class Caches:
    """The functions of the project under `functools.cache` or `lru_cache`, found through the garbage collector."""

    name = "caches"

    def __init__(self, is_project: Callable[[str], bool]) -> None:
        self._is_project = is_project
        self._found: Dict[str, Any] = {}
        self._loaded = Loaded(is_project)
        self._modules: Tuple[Tuple[str, Any], ...] = ()

    def look(self) -> Mapping[str, Held]:
        """Ask each for its size; it is not called."""
        modules = self._loaded.modules()
        if modules is not self._modules:  # who defines a function is imported before
            self._modules = modules
            self._found = {}
            for each in [each for each in gc.get_objects() if type(each) is CACHED]:
                if self._is_project(module_of_cached(each)):
                    self._found[_unused(_name(each), self._found)] = each
        found = {}
        for name, cache in self._found.items():
            _, misses, _, size = CACHED.cache_info(cache)
            held = entries(cache) if size <= MOST_COMPARED else None
            found[name] = Held(cache, size, misses, tuple(held[1]) if held else None)
        return found

    def changes(self, before: Mapping[str, Held], after: Mapping[str, Held]) -> Iterator[Change]:
        """List the caches that were filled or emptied. Being asked for what it holds changes nothing for anybody."""
        for name, now in after.items():
            was = before.get(name, now._replace(size=0, misses=0, results=()))
            if _is_other(was, now):
                yield Change(
                    _category(name, now.cache), name, *contrasted(_content(was), _content(now))
                )

    def put_back(self, before: Mapping[str, Held], key: str) -> None:
        """Empty it: what it held can be had again by asking, and nobody could put in what was there."""
        held = before.get(key)
        cache = held.cache if held else self._found.get(key)
        if cache is None:
            raise LookupError(key)
        CACHED.cache_clear(cache)


def _is_other(was: Held, now: Held) -> bool:
    if was.size != now.size:
        return True
    if was.results is None or now.results is None:
        # As many with more misses: emptied and filled again. A call that raised is a miss that fills nothing.
        return now.size > 0 and was.misses != now.misses
    return not all(map(is_alike, was.results, now.results))


def _name(cache: Any) -> str:
    return "{}.{}()".format(module_of_cached(cache), cache.__dict__.get("__qualname__", "?"))


def _unused(name: str, taken: Container[str]) -> str:
    while name in taken:
        name += "'"  # a function made anew at each call of the one around it
    return name


def _category(name: str, cache: Any) -> str:
    """Tell settings by how the function or what it returns is called."""
    # From Python 3.14 on, asking for annotations evaluates them, which is code of the project.
    wrapped = cache.__dict__.get("__wrapped__")
    is_plain = type(wrapped) is types.FunctionType and sys.version_info < (3, 14)
    returned = wrapped.__annotations__.get("return", "") if is_plain else ""
    names = "{} {}".format(
        name, type_name(returned) if issubclass(type(returned), type) else described(returned)
    )
    return "settings" if re.search(r"settings|config", names, re.IGNORECASE) else "cache"


def _told(size: int) -> str:
    return "1 entry" if size == 1 else "{} entries".format(size) if size else "empty"


def _content(held: Held) -> str:
    """Say how much it holds, and the first values where they can be had."""
    values = [described(each) for each in (held.results or ())[:MOST_VALUES]]
    if values and held.size > MOST_VALUES:
        values.append(ELLIPSIS)
    return _told(held.size) + (": " + ", ".join(values) if values else "")
