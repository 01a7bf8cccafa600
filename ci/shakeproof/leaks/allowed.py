"""The exceptions of `pytest --leaks`: `[[tool.shakeproof.leaks.allow]]` in pyproject.toml, each with its reason."""

from __future__ import annotations

import difflib
import fnmatch
import tomllib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from shakeproof.inject.shakeproof_state.protocol import CATEGORIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from shakeproof.inject.shakeproof_state.protocol import Change

TABLE = "tool.shakeproof.leaks.allow"
# All that there are below tool.shakeproof.
TABLES = ("benchmarks", "coverage", "leaks", "mutants", "suite-cost")
EXAMPLE = f"exceptions are written as [[{TABLE}]], each with a category, a key and a reason"
# What TOML calls the types that it can hold, but for dates and times.
TYPES = (
    (str, "text"),
    (bool, "true or false"),
    (int | float, "a number"),
    (list, "a list"),
    (dict, "a table"),
)


class AllowedError(Exception):
    """The exceptions cannot be understood; the message is one sentence that says where, and what to write."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Leaks that are put up with, for a reason."""

    category: str
    key: str  # as it is printed, or as a shell pattern
    reason: str

    def covers(self, change: Change) -> bool:
        """Tell whether a change is one of them."""
        # As it is printed, a key may hold brackets: `app.TABLE['it']`.
        is_meant = change.key == self.key or fnmatch.fnmatchcase(change.key, self.key)
        return self.category == change.category and is_meant


FIELDS = tuple(field.name for field in fields(Allowed))


def read_allowed(pyproject: Path) -> tuple[Allowed, ...]:
    """Read the exceptions of a project, in their order; none where it has no such file.

    Raises AllowedError for a file that cannot be read and for whatever is no exception as described in docs/leaks.md.
    """
    if not pyproject.is_file():
        return ()
    try:
        return tuple(_entries(tomllib.loads(pyproject.read_text(encoding="utf-8"))))
    except OSError as error:
        raise AllowedError(f"{pyproject} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise AllowedError(f"{pyproject} is not UTF-8, which TOML has to be.") from error
    except tomllib.TOMLDecodeError as error:
        raise AllowedError(f"{pyproject} is not valid TOML: {error}.") from error
    except AllowedError as error:
        raise AllowedError(f"{pyproject}: {error}.") from None


def _entries(settings: Mapping[str, Any]) -> Iterator[Allowed]:
    tool = _table(settings, "tool", "tool")
    own = _table(tool, "shakeproof", "tool.shakeproof")
    _check_names(own, TABLES, "tool.shakeproof")
    leaks = _table(own, "leaks", "tool.shakeproof.leaks")
    _check_names(leaks, ("allow",), "tool.shakeproof.leaks")
    entries = leaks.get("allow", [])
    if isinstance(entries, dict):
        raise AllowedError(
            f"[{TABLE}] is a single table: write [[{TABLE}]] with two brackets on each side, once for each exception"
        )
    if not isinstance(entries, list):
        raise AllowedError(f"{TABLE} is {_kind(entries)}: {EXAMPLE}")
    for number, entry in enumerate(entries, 1):
        try:
            yield _entry(entry)
        except AllowedError as error:
            raise AllowedError(f"exception {number} of {TABLE} {error}") from None


def _table(above: Mapping[str, Any], name: str, path: str) -> Mapping[str, Any]:
    found = above.get(name, {})
    if not isinstance(found, dict):
        raise AllowedError(f"{path} is {_kind(found)}, not a table: {EXAMPLE}")
    return found


def _check_names(table: Mapping[str, Any], known: tuple[str, ...], path: str) -> None:
    for name in table:
        if name not in known:
            raise AllowedError(f"{path}.{name} means nothing: {EXAMPLE}")


def _entry(entry: object) -> Allowed:
    if not isinstance(entry, dict):
        raise AllowedError(f"is {_kind(entry)}, not a table: {EXAMPLE}")
    for name in entry:
        if name not in FIELDS:
            near = _near(name, FIELDS)
            raise AllowedError(f"has the unknown field {name!r}{near}: known are {_listed(FIELDS)}")
    for name in FIELDS:
        if name not in entry:
            raise AllowedError(f"has no {name}: it takes {_listed(FIELDS)}")
        if not isinstance(entry[name], str):
            raise AllowedError(f"has {_kind(entry[name])} as its {name}: write text in quotes")
    _check_values(entry)
    return Allowed(**entry)


def _check_values(entry: Mapping[str, str]) -> None:
    category = entry["category"]
    if category not in CATEGORIES:
        near = _near(category, CATEGORIES)
        known = _listed(CATEGORIES)
        raise AllowedError(f"has the unknown category {category!r}{near}: known are {known}")
    if not entry["key"].strip():
        raise AllowedError(
            "has an empty key: write what `--leaks=report` names, or a pattern such as 'APP_*'"
        )
    if not entry["reason"].strip():
        raise AllowedError("has an empty reason: say why this leak is put up with")


def _near(name: str, known: tuple[str, ...]) -> str:
    found = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""


def _kind(value: object) -> str:
    return next((name for kind, name in TYPES if isinstance(value, kind)), "a date or a time")


def _listed(names: tuple[str, ...]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}"
