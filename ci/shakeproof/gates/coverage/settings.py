"""What `[tool.shakeproof.coverage.<suite>]` in pyproject asks for (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST: Final = 80.0  # percent: the floor under every total, which no setting can lower
CHANGED: Final = 95.0  # percent of what a change touches
WHOLE: Final = 100.0  # percent
WHERE: Final = "tool.shakeproof.coverage"


@dataclass(frozen=True)
class Settings:
    """One suite, the code it is there for, and what is asked of it. Figures are percentages."""

    suite: str
    source: str  # the folder whose every file counts, with forward slashes
    pytest: tuple[str, ...] = ()  # what makes pytest run this suite
    config: str = "pyproject.toml"  # where coverage.py finds its own settings
    packages: Mapping[str, float] = field(default_factory=dict)  # folders, each with its floor
    total: float = LEAST
    changed: float = CHANGED
    pragmas: int = 0  # how many `no cover` and `no branch` there may be
    main: str = "main"  # diff coverage is of what changed since the merge base with this branch
    sample: tuple[
        str, ...
    ] = ()  # tests by which the faster core is found; none: coverage.py's own choice
    elsewhere: tuple[
        str, ...
    ] = ()  # patterns of files that run where nothing is measured; `*` stands for no slash


def read_settings(pyproject: Mapping[str, object], suite: str) -> Settings:
    """Take the settings of one suite out of a parsed pyproject.

    Raises ShakeproofError where the suite is not there, where a setting is unknown or of the wrong type, and where
    the total would be allowed to fall under `LEAST`.
    """
    suites = _table(_table(_table(pyproject, "tool"), "shakeproof"), "coverage")
    if suite not in suites:
        known = ", ".join(sorted(suites)) or "none"
        raise ShakeproofError(f"pyproject.toml has no [{WHERE}.{suite}]; there is: {known}.")
    table = dict(_table(suites, suite))
    found = Settings(
        suite=suite,
        source=_folder(_text(table, "source", "")),
        pytest=_texts(table, "pytest"),
        config=_text(table, "config", "pyproject.toml"),
        packages={
            _folder(name): _percent(value, name) for name, value in _take(table, "packages").items()
        },
        total=_percent(table.pop("total", LEAST), "total"),
        changed=_percent(table.pop("changed", CHANGED), "changed"),
        pragmas=_count(table.pop("pragmas", 0)),
        main=_text(table, "main", "main"),
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


def _folder(name: str) -> str:
    """Name a package by its folder, however it was named."""
    folder = name.replace("\\", "/").strip("/")
    if not folder:
        raise ShakeproofError(
            f"[{WHERE}] has a source or a package without a name: give its folder."
        )
    return folder if "/" in folder else folder.replace(".", "/")


def _table(document: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = document.get(key, {})
    if not isinstance(value, dict):
        raise ShakeproofError(f"{key} in pyproject.toml is no table: {WHERE} has to be one.")
    return value


def _take(table: dict[str, object], key: str) -> Mapping[str, object]:
    found = _table(table, key)
    table.pop(key, None)
    return found


def _text(table: dict[str, object], key: str, default: str) -> str:
    value = table.pop(key, default)
    if not isinstance(value, str):
        raise ShakeproofError(f"{key} in [{WHERE}] is {value!r}: write a text.")
    return value


def _texts(table: dict[str, object], key: str) -> tuple[str, ...]:
    value = table.pop(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ShakeproofError(f"{key} in [{WHERE}] is {value!r}: write a list of texts.")
    return tuple(value)


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
