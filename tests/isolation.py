"""What a test may change only for itself, looked at before and after it.

Three kinds of isolation can break: settings (a global or class attribute of `backend` was rebound),
database (a database file was left open), environment (variables, working folder, time zone, or
another file or socket was left open).
"""

import operator
import os
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from types import ModuleType

CACHED = type(lru_cache(len))
OPEN_FILES = Path("/proc/self/fd")  # where there is none (macOS, Windows), open files go unseen
DATABASE_FILES = (".sqlite3", ".sqlite", ".db", "-wal", "-shm")


class Kind(Enum):
    """Which isolation broke."""

    SETTINGS = "settings"
    DATABASE = "database"
    ENVIRONMENT = "environment"


@dataclass(frozen=True)
class Breach:
    """One thing that a test left behind."""

    kind: Kind
    what: str

    def __str__(self) -> str:
        return f"{self.kind.value} isolation broke: {self.what}"


@dataclass(frozen=True)
class State:
    """Everything looked at."""

    attributes: dict[object, dict[str, object]]
    """The globals of `backend`'s modules and the attributes of its classes, by owner and name."""
    descriptors: dict[int, str]
    """What each open descriptor leads to."""
    environ: dict[str, str]
    folder: str
    zone: tuple[str, str]


def look() -> State:
    """Return the present state."""
    return State(
        attributes={owner: dict(vars(owner)) for owner in _owners()},
        descriptors=_descriptors(),
        environ={name: value for name, value in os.environ.items() if not _is_pytest_own(name)},
        folder=str(Path.cwd()),
        zone=time.tzname,
    )


def breaches(before: State, after: State) -> tuple[Breach, ...]:
    """Return what is different afterwards, without the values: one may be a key."""
    return tuple(_breaches(before, after))


def restore(before: State, after: State) -> None:
    """Put everything back, and close what was left open, so that no other test suffers."""
    for name in after.environ.keys() - before.environ.keys():
        del os.environ[name]
    os.environ.update(before.environ)
    os.chdir(before.folder)
    if sys.platform != "win32":
        time.tzset()
    for owner, name, _ in _different(before, after):
        if name in before.attributes[owner]:
            setattr(owner, name, before.attributes[owner][name])
        else:
            delattr(owner, name)
    for descriptor in _left_open(before, after):
        _close(descriptor)


def clear_caches(state: State) -> None:
    """Empty every cache of a function of `backend`; there should be none (tests/quality)."""
    for values in state.attributes.values():
        for value in values.values():
            if type(value) is CACHED:  # asked for thousands of values after each test
                value.cache_clear()


def _breaches(before: State, after: State) -> Iterator[Breach]:
    for owner, name, change in _different(before, after):
        where = getattr(owner, "__qualname__", getattr(owner, "__name__", repr(owner)))
        yield Breach(Kind.SETTINGS, f"{where}.{name} was {change}")
    for what in sorted({_name(each, after) for each in _left_open(before, after)}):
        kind = Kind.DATABASE if what.endswith(DATABASE_FILES) else Kind.ENVIRONMENT
        yield Breach(kind, f"{what} was left open")
    for name in sorted(before.environ.keys() | after.environ.keys()):
        if before.environ.get(name) != after.environ.get(name):
            yield Breach(Kind.ENVIRONMENT, f"the variable {name} was left changed")
    if before.folder != after.folder:
        yield Breach(Kind.ENVIRONMENT, f"the working folder was left at {after.folder}")
    if before.zone != after.zone:
        yield Breach(Kind.ENVIRONMENT, f"the time zone was left at {after.zone[0]}")


def _different(before: State, after: State) -> Iterator[tuple[object, str, str]]:
    """Yield owner, name and what happened. This runs around every test: the usual case, no change, comes first."""
    for owner, old in before.attributes.items():
        new = after.attributes.get(owner, old)  # not there: a module that was taken out meanwhile
        if len(old) == len(new) and all(map(operator.is_, old.values(), new.values())):
            continue
        for name in {**old, **new}:
            if _is_watched(owner, name, old.get(name, new.get(name))):
                if name not in new:
                    yield owner, name, "deleted"
                elif name not in old:
                    yield owner, name, "added"
                elif new[name] is not old[name]:
                    yield owner, name, "rebound"


def _is_watched(owner: object, name: str, value: object) -> bool:
    """Leave out what Python itself sets: submodules once they are imported, and names of its own."""
    if isinstance(owner, type):
        return not name.startswith("_")
    return not name.startswith("__") and not isinstance(value, ModuleType)


def _owners() -> Iterator[object]:
    # Thousands of modules, twice a test: the cheap question comes first.
    for module_name in [name for name in sys.modules if name.startswith("backend")]:
        if module_name == "backend" or module_name.startswith("backend."):
            module = sys.modules[module_name]
            yield module
            for value in vars(module).values():
                if isinstance(value, type) and value.__module__ == module_name:
                    yield value


def _descriptors() -> dict[int, str]:
    found: dict[int, str] = {}
    with suppress(FileNotFoundError), os.scandir(OPEN_FILES) as links:
        for link in links:
            with suppress(OSError):  # closed since it was listed
                found[int(link.name)] = os.readlink(link.path)  # noqa: PTH115 - twice a test
    return found


def _left_open(before: State, after: State) -> Iterator[int]:
    """Yield new descriptors of files and sockets; pytest's own are older, or lead where they led.

    A log that pytest opens again during a test is such a one, hence the look at where they lead.
    """
    known = frozenset(before.descriptors.values())
    for descriptor, target in after.descriptors.items():
        if target not in known:
            with suppress(OSError):  # closed meanwhile
                mode = os.fstat(descriptor).st_mode
                if stat.S_ISREG(mode) or stat.S_ISSOCK(mode):
                    yield descriptor


def _name(descriptor: int, state: State) -> str:
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return state.descriptors[descriptor]
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        return f"a socket at {copy.getsockname()!r}"


def _close(descriptor: int) -> None:
    """Let a descriptor lead nowhere: what it led to is closed, and its number stays taken.

    Whoever still holds the number may close it later without hitting somebody else's file.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, descriptor, inheritable=False)
    os.close(nowhere)


def _is_pytest_own(name: str) -> bool:
    return name.startswith("PYTEST_")
