"""The inside of the caches of `functools`, which Python shows to nobody but its garbage collector.

What the collector is shown has an order (`lru_cache_tp_traverse` in CPython's Modules/_functoolsmodule.c): first, where
there is a bound, the arguments and the result of each entry, from Python 3.10 on with the type of what links them; then
the dictionary in which entries are found, in Python 3.9 behind the function. Where there is anything else, nothing is
told.
"""

from __future__ import annotations

import functools
import gc
from typing import Any, Dict, Iterable, Optional, Tuple

from .raw import is_one_of, name_of

CACHED = type(functools.lru_cache(maxsize=None)(len))
LINK = "_lru_list_elem"
ARGUMENTS = frozenset({tuple, int, str})  # what a call is remembered by
MOST_ENTRIES = (
    1_000  # of a cache with a bound that are looked at: they have to be put in order each time
)


def size_of(cache: Any) -> int:
    """Count its entries."""
    return int(CACHED.cache_info(cache)[3])


def entries(cache: Any) -> Optional[Tuple[Iterable[Any], Iterable[Any]]]:
    """Give the arguments and the results that it holds, in an order that asking it does not change.

    None where they cannot be had: there are too many, or this Python keeps them in another way.
    """
    size = size_of(cache)
    if not size:
        return (), ()
    found = gc.get_referents(cache)
    place = 1 if found[0] is CACHED else 0
    held: Dict[int, Any] = {}  # by the id of the arguments: the result
    if size <= MOST_ENTRIES:
        while len(held) < size and is_one_of(type(found[place]), ARGUMENTS):
            held[id(found[place])] = found[place + 1]
            place += 3 if _is_link(found[place + 2]) else 2
    index = next((each for each in found[place : place + 2] if type(each) is dict), None)
    if index is None or len(index) != size:
        return None
    if not any(_is_link(type(each)) for each in index.values()):  # it has no bound
        return dict.keys(index), dict.values(index)
    # In the order of the dictionary: among the links the one used last stands last, and being asked is no change.
    try:
        return dict.keys(index), [held[id(arguments)] for arguments in index]
    except KeyError:
        return None


def _is_link(kind: Any) -> bool:
    return type(kind) is type and name_of(kind) == LINK


def arguments_of(cache: Any) -> Iterable[Any]:
    """Give what it was called with, each time: the arguments, or the only one where that is a number or a text."""
    found = entries(cache)
    return found[0] if found else ()


def results_of(cache: Any) -> Iterable[Any]:
    """Give what it answers, in the same order."""
    found = entries(cache)
    return found[1] if found else ()


def module_of_cached(cache: Any) -> str:
    """Name the module of the function."""
    found = cache.__dict__.get("__module__")
    return found if type(found) is str else ""
