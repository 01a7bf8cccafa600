"""What `[tool.shakeproof.suite-cost]` in pyproject asks for (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError

if TYPE_CHECKING:
    from collections.abc import Mapping

WHERE: Final = "tool.shakeproof.suite-cost"


@dataclass(frozen=True)
class Settings:
    """The suite, what is looked at in it, and what it may cost."""

    whole: float = 300.0  # seconds of wall time, in one process
    each: Mapping[str, float] = field(default_factory=dict)  # seconds of one test, by its marker
    slower: float = 1.5  # times the serial run that a parallel one may take
    speedup: float = 2.0  # times as fast as the serial run a parallel one has to be...
    cores: int = 4  # ...on a machine with this many cores or more
    kinds: tuple[str, ...] = ()  # markers by which tests are told apart
    fixtures: tuple[str, ...] = ()  # that are always listed, however little they take
    source: str = "."  # what the run under coverage measures
    pytest: tuple[str, ...] = ()  # what makes pytest run this suite
    quick: tuple[str, ...] = ()  # a few tests for `--quick`


def read_settings(pyproject: Mapping[str, object]) -> Settings:
    """Take the settings out of a parsed pyproject; what is not there has its default.

    Raises ShakeproofError for a setting that is unknown or of the wrong type.
    """
    table: object = pyproject
    for key in WHERE.split("."):
        table = table.get(key, {}) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        raise ShakeproofError(f"{WHERE} in pyproject.toml is no table: write [{WHERE}].")
    default = Settings()
    rest = dict(table)
    limits = rest.pop("each", {})
    if not isinstance(limits, dict):
        raise ShakeproofError(
            f"each in [{WHERE}] is {limits!r}: write a table of seconds by marker."
        )
    found = Settings(
        whole=_number(rest, "whole", default.whole),
        each={kind: _number(limits, kind, 0) for kind in limits},
        slower=_number(rest, "slower", default.slower),
        speedup=_number(rest, "speedup", default.speedup),
        cores=int(_number(rest, "cores", default.cores)),
        kinds=_texts(rest, "kinds"),
        fixtures=_texts(rest, "fixtures"),
        source=str(rest.pop("source", default.source)),
        pytest=_texts(rest, "pytest"),
        quick=_texts(rest, "quick"),
    )
    rest = {
        key: value
        for key, value in rest.items()
        if key not in {"whole", "slower", "speedup", "cores"}
    }
    if rest:
        raise ShakeproofError(f"[{WHERE}] knows no {', '.join(sorted(rest))}: drop it.")
    return found


def _number(table: Mapping[str, object], key: str, default: float) -> float:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ShakeproofError(f"{key} in [{WHERE}] is {value!r}: write a number above 0.")
    return float(value)


def _texts(table: dict[str, object], key: str) -> tuple[str, ...]:
    value = table.pop(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ShakeproofError(f"{key} in [{WHERE}] is {value!r}: write a list of texts.")
    return tuple(value)
