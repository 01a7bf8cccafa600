"""What a test may change only for itself, looked at before and after it.

Three kinds of isolation can break: settings (a global or class attribute of `backend` was rebound),
database (a database file was left open), environment (variables, working folder or time zone).
"""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType

OPEN_FILES = Path("/proc/self/fd")  # where there is none (macOS, Windows), open files go unseen


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

    attributes: dict[tuple[object, str], object]
    """The globals of `backend`'s modules and the attributes of its classes, by owner and name."""
    database_files: frozenset[str]
    environ: dict[str, str]
    folder: str
    zone: tuple[str, str]


def look() -> State:
    """Return the present state."""
    return State(
        attributes=dict(_attributes()),
        database_files=_open_database_files(),
        environ={name: value for name, value in os.environ.items() if not _is_pytest_own(name)},
        folder=str(Path.cwd()),
        zone=time.tzname,
    )


def breaches(before: State, after: State) -> tuple[Breach, ...]:
    """Return what is different afterwards, without the values: one may be a key."""
    return tuple(_breaches(before, after))


def restore(before: State, after: State) -> None:
    """Put variables, working folder, globals and attributes back, so that no other test suffers."""
    for name in after.environ.keys() - before.environ.keys():
        del os.environ[name]
    os.environ.update(before.environ)
    os.chdir(before.folder)
    if sys.platform != "win32":
        time.tzset()
    owners = {owner for owner, _ in before.attributes}
    for (owner, name), _ in _different(before, after):
        if (owner, name) in before.attributes:
            setattr(owner, name, before.attributes[owner, name])
        elif owner in owners:
            delattr(owner, name)


def clear_caches() -> None:
    """Empty every cache of a function of `backend`; there should be none (tests/quality)."""
    for _, value in _attributes():
        clear = getattr(value, "cache_clear", None)
        if callable(clear):
            clear()


def _breaches(before: State, after: State) -> Iterator[Breach]:
    for (owner, name), change in _different(before, after):
        where = getattr(owner, "__qualname__", getattr(owner, "__name__", repr(owner)))
        yield Breach(Kind.SETTINGS, f"{where}.{name} was {change}")
    for path in sorted(after.database_files - before.database_files):
        yield Breach(Kind.DATABASE, f"{path} was left open")
    for name in sorted(before.environ.keys() | after.environ.keys()):
        if before.environ.get(name) != after.environ.get(name):
            yield Breach(Kind.ENVIRONMENT, f"the variable {name} was left changed")
    if before.folder != after.folder:
        yield Breach(Kind.ENVIRONMENT, f"the working folder was left at {after.folder}")
    if before.zone != after.zone:
        yield Breach(Kind.ENVIRONMENT, f"the time zone was left at {after.zone[0]}")


def _different(before: State, after: State) -> Iterator[tuple[tuple[object, str], str]]:
    owners = {owner for owner, _ in before.attributes}
    for place, value in before.attributes.items():
        if place not in after.attributes:
            yield place, "deleted"
        elif after.attributes[place] is not value:
            yield place, "rebound"
    for place in after.attributes.keys() - before.attributes.keys():
        if place[0] in owners:  # otherwise a module imported meanwhile
            yield place, "added"


def _attributes() -> Iterator[tuple[tuple[object, str], object]]:
    for module_name, module in tuple(sys.modules.items()):
        if module_name.partition(".")[0] != "backend" or module is None:
            continue
        for name, value in tuple(vars(module).items()):
            if not name.startswith("__") and not isinstance(value, ModuleType):
                yield (module, name), value
            if isinstance(value, type) and value.__module__ == module_name:
                for attribute, content in tuple(vars(value).items()):
                    if not attribute.startswith("_"):
                        yield (value, attribute), content


def _open_database_files() -> frozenset[str]:
    if not OPEN_FILES.is_dir():
        return frozenset()
    names = (_target(link) for link in OPEN_FILES.iterdir())
    return frozenset(name for name in names if name.endswith(".sqlite3"))


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed since it was listed
        return ""


def _is_pytest_own(name: str) -> bool:
    return name.startswith("PYTEST_")
