"""Probes that a project brings along, found through the entry points of what is installed.

Such a probe need not know of Shakeproof at all, which may not even be installed where the tests run: it is taken for
what it has. `look` is enough where it gives a mapping and a `category` is named; `changes` and `put_back` are called as
those of our own probes where there are any.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import sys
from typing import Any, Collection, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Tuple

from .protocol import ABSENT, CATEGORIES, Change, Probe, is_alike
from .raw import is_one_of
from .words import LISTED, MAPPED, contrasted, described

GROUP = "shakeproof.probes"
TEXTS = frozenset({str, type(None)})
UNORDERED = frozenset({set, frozenset})


class NotLoaded:
    """In place of a probe that cannot be had: looking fails, so that it is switched off like any that fails."""

    def __init__(self, name: str, error: BaseException) -> None:
        self.name = name
        self._error = error

    def look(self) -> Any:
        """Raise what kept it from being loaded."""
        raise self._error

    def changes(self, _before: Any, _after: Any) -> Iterable[Change]:
        """Tell nothing."""
        return ()

    def put_back(self, _before: Any, key: str) -> None:
        """Put back nothing."""
        raise LookupError(key)


class Brought:
    """A probe with `changes` of its own: what it tells is checked, and `put_back` may be missing."""

    def __init__(self, name: str, probe: Any) -> None:
        self.name = name
        self.advice = _text_of(probe, "advice")
        self._probe = probe
        self._can_put_back = callable(getattr(probe, "put_back", None))

    @property
    def notes(self) -> List[str]:
        """Say what it says that it does not look at."""
        return [str(each) for each in getattr(self._probe, "notes", ())]

    def look(self) -> Any:
        """Have it look."""
        return self._probe.look()

    def changes(self, before: Any, after: Any) -> Iterator[Change]:
        """Take what it tells: a `Change`, or a plain tuple of category, key, before and after."""
        for told in self._probe.changes(before, after):
            category, key, was, is_now, *more = told
            if category not in CATEGORIES:
                raise ValueError("unknown category {!r}: known are {}".format(category, KNOWN))
            if type(key) is not str:
                raise TypeError("a key is text, not {}".format(described(key)))
            was, is_now = (
                each if is_one_of(type(each), TEXTS) else described(each) for each in (was, is_now)
            )
            wants = bool(more[1]) if len(more) > 1 else True  # the last field of a `Change`
            can_put_back = self._can_put_back and wants
            yield Change(category, key, was, is_now, can_put_back=can_put_back)

    def put_back(self, before: Any, key: str) -> None:
        """Have it put back one piece."""
        self._probe.put_back(before, key)


class Seen(NamedTuple):
    """What a probe without `changes` has seen: for it, for comparing, and for saying it."""

    given: Mapping[str, Any]
    values: Mapping[str, Any]  # stays as it is, whatever happens to lists and dictionaries in it
    texts: Mapping[str, str]


class Compared:
    """A probe that gives a mapping, whose values are compared here."""

    def __init__(self, name: str, probe: Any) -> None:
        self.name = name
        self._category = _text_of(probe, "category")
        self.advice = _text_of(probe, "advice")
        self._probe = probe
        self._can_put_back = callable(getattr(probe, "put_back", None))
        if not self._category:
            raise TypeError("it has neither a method `changes` nor a `category`")
        if self._category not in CATEGORIES:
            raise TypeError("its category {!r} is none of {}".format(self._category, KNOWN))

    def look(self) -> Seen:
        """Keep what it gives."""
        given = dict(self._probe.look())
        for key in given:
            if type(key) is not str:
                raise TypeError("the keys of what it sees are text, not {}".format(described(key)))
        values = {key: _frozen(value) for key, value in given.items()}
        return Seen(given, values, {key: described(value) for key, value in given.items()})

    def changes(self, before: Seen, after: Seen) -> Iterator[Change]:
        """Compare by value what is built in, and anything else by which object it is."""
        for key in dict.fromkeys((*before.given, *after.given)):
            if not is_alike(before.values.get(key, ABSENT), after.values.get(key, ABSENT)):
                was, is_now = before.texts.get(key), after.texts.get(key)
                if was is not None and is_now is not None:
                    was, is_now = contrasted(was, is_now)
                yield Change(self._category, key, was, is_now, can_put_back=self._can_put_back)

    def put_back(self, before: Seen, key: str) -> None:
        """Have it put back one piece."""
        self._probe.put_back(before.given, key)


KNOWN = ", ".join(CATEGORIES)


def brought_along(taken: Collection[str]) -> List[Probe]:
    """Load all there are; `taken` are the names of probes that are there already."""
    found: Dict[str, Probe] = {}
    with _importable():
        for entry in _entries():
            name = entry.name
            if name in taken or name in found:
                name += " of " + entry.value
                found[name] = NotLoaded(name, LookupError("another probe has its name"))
                continue
            try:
                found[name] = _made(name, entry.load())
            except (Exception, SystemExit) as error:  # noqa: BLE001  (anybody's code: never a crash)
                found[name] = NotLoaded(name, error)
    return list(found.values())


def _made(name: str, given: Any) -> Probe:
    probe = given() if isinstance(given, type) else given
    if not callable(getattr(probe, "look", None)):
        raise TypeError("it has no method `look`")
    return Brought(name, probe) if hasattr(probe, "changes") else Compared(name, probe)


def _entries() -> Tuple[Any, ...]:
    """List the entry points, each once: a folder may stand on the import path twice."""
    everything: Any = importlib.metadata.entry_points()
    is_new = hasattr(everything, "select")  # Python 3.10
    found = everything.select(group=GROUP) if is_new else everything.get(GROUP, ())
    return tuple({(each.name, each.value): each for each in found}.values())


@contextlib.contextmanager
def _importable() -> Iterator[None]:
    """Let `shakeproof_state.protocol` be imported by that name, also where it goes by a longer one."""
    package = __name__.rpartition(".")[0]
    short = package.rpartition(".")[2]
    names = [name for name in (short, short + ".protocol") if name not in sys.modules]
    for name in names:
        sys.modules[name] = sys.modules[package + name[len(short) :]]
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)


def _frozen(value: Any) -> Any:
    """Give a value that is alike as long as this one holds the same."""
    kind = type(value)
    if is_one_of(kind, LISTED):
        parts = sorted(value, key=repr) if is_one_of(kind, UNORDERED) else value
        return (kind, *map(_frozen, parts))
    if is_one_of(kind, MAPPED):
        return (kind, *((_frozen(key), _frozen(each)) for key, each in value.items()))
    return value


def _text_of(probe: Any, name: str) -> str:
    found = getattr(probe, name, "")
    return found if type(found) is str else ""
