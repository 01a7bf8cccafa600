"""What `[tool.shakeproof.coverage.<suite>]` in pyproject asks for (pure)."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.pyproject import table_at, texts_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LEAST: Final = 80.0  # percent: the floor under every total, which no setting can lower
CHANGED: Final = 95.0  # percent of what a change touches
WHOLE: Final = 100.0  # percent
WHERE: Final = "tool.shakeproof.coverage"


@dataclass(frozen=True)
class Settings:
    """One suite, the code it is there for, and what is asked of it. Figures are percentages."""

    suite: str
    source: str  # the folder whose every file counts, with forward slashes; "." is the project
    pytest: tuple[str, ...] = ()  # what makes pytest run this suite
    config: str = "pyproject.toml"  # where coverage.py finds its own settings
    packages: Mapping[str, float] = field(default_factory=dict)  # folders, each with its floor
    total: float = LEAST
    changed: float = CHANGED
    pragmas: int = 0  # how many `no cover` and `no branch` there may be
    # Changes are counted from the merge base with this branch; unnamed, it is looked for.
    main: str = ""
    sample: tuple[str, ...] = ()  # tests by which the faster core is found; none: the C tracer
    # Patterns of files that run where nothing is measured; `*` stands for no slash.
    elsewhere: tuple[str, ...] = ()


def read_settings(
    pyproject: Mapping[str, object], suite: str, is_folder: Callable[[str], bool]
) -> Settings:
    """Take the settings of one suite out of a parsed pyproject.

    `is_folder` tells whether the project has a folder: a name with dots may be one, or what is imported. Raises
    ShakeproofError where the suite is not there, where a setting is unknown or of the wrong type, and where the total
    would be allowed to fall under `LEAST`.
    """
    suites = table_at(pyproject, WHERE)
    if suite not in suites:
        known = ", ".join(sorted(suites)) or "none"
        raise ShakeproofError(f"pyproject.toml has no [{WHERE}.{suite}]; there is: {known}.")
    table = dict(table_at(suites, suite))
    found = Settings(
        suite=suite,
        source=_folder(_text(table, "source", ""), is_folder),
        pytest=_texts(table, "pytest"),
        config=_text(table, "config", "pyproject.toml"),
        packages={
            _folder(name, is_folder): _percent(value, name)
            for name, value in _take(table, "packages").items()
        },
        total=_percent(table.pop("total", LEAST), "total"),
        changed=_percent(table.pop("changed", CHANGED), "changed"),
        pragmas=_count(table.pop("pragmas", 0)),
        main=_text(table, "main", ""),
        sample=_texts(table, "sample"),
        elsewhere=_texts(table, "elsewhere"),
    )
    if table:
        raise ShakeproofError(f"[{WHERE}.{suite}] knows no {', '.join(sorted(table))}: drop it.")
    if found.total < LEAST:
        raise ShakeproofError(
            f"[{WHERE}.{suite}] sets the total to {found.total:g} %, and {LEAST:g} % is the floor nobody may lower."
        )
    return found


def _folder(name: str, is_folder: Callable[[str], bool]) -> str:
    """Name a package by its folder as seen from pyproject.toml, however it was named."""
    written = name.replace("\\", "/")
    if not written:
        raise ShakeproofError(
            f"[{WHERE}] has a source or a package without a name: give its folder."
        )
    folder = posixpath.normpath(written)
    if posixpath.isabs(folder) or folder.split("/")[0] == "..":
        raise ShakeproofError(
            f"{name} in [{WHERE}] is not a folder below pyproject.toml: write it as seen from there."
        )
    imported = "." in folder.strip(".") and "/" not in written and not is_folder(folder)
    return folder.replace(".", "/") if imported else folder


def _take(table: dict[str, object], key: str) -> Mapping[str, object]:
    value = table.pop(key, {})
    if not isinstance(value, dict):
        raise ShakeproofError(f"{key} in [{WHERE}] is {value!r}: write a table.")
    return value


def _text(table: dict[str, object], key: str, default: str) -> str:
    value = table.pop(key, default)
    if not isinstance(value, str):
        raise ShakeproofError(f"{key} in [{WHERE}] is {value!r}: write a text.")
    return value


def _texts(table: dict[str, object], key: str) -> tuple[str, ...]:
    found = texts_at(table, key, WHERE)
    table.pop(key, None)
    return found


def _percent(value: object, name: str) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= float(str(value)) <= WHOLE:
        raise ShakeproofError(
            f"{name} in [{WHERE}] is {value!r}: write a percentage from 0 to 100."
        )
    return float(str(value))


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ShakeproofError(f"pragmas in [{WHERE}] is {value!r}: write a count from 0 up.")
    return value
