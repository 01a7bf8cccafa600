"""Reading the tables that a project writes for its gates: `[tool.shakeproof.NAME]` in pyproject.toml."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, cast

from shakeproof.errors import ShakeproofError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def read_pyproject(path: Path) -> Mapping[str, object]:
    """Parse the file; raise ShakeproofError where it cannot be read or is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ShakeproofError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # bad TOML, or bytes that are no UTF-8
        raise ShakeproofError(f"{path} is not TOML ({error}): mend it.") from error


def table_at(pyproject: Mapping[str, object], where: str) -> Mapping[str, object]:
    """Return the table with that name, dots between its parts; an empty one where there is none.

    Raises ShakeproofError where something else than a table stands there, or on the way.
    """
    table: object = pyproject
    for key in where.split("."):
        table = cast("Mapping[str, object]", table).get(key, {})
        if not isinstance(table, dict):
            raise ShakeproofError(f"{key!r} in pyproject.toml is not a table: write [{where}].")
    return cast("Mapping[str, object]", table)


def texts_at(
    table: Mapping[str, object], key: str, where: str, default: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Return the list of texts at `key`; raise ShakeproofError for anything else, an empty text included."""
    value = table.get(key, list(default))
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise ShakeproofError(f"[{where}]: {key} is {value!r}: write a list of texts.")
    return tuple(cast("list[str]", value))
