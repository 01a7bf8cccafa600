"""What `[tool.shakeproof.suite-cost]` in pyproject asks for (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.pyproject import table_at, texts_at

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
    table = table_at(pyproject, WHERE)
    unknown = sorted(table.keys() - {field.name for field in fields(Settings)})
    if unknown:
        raise ShakeproofError(f"[{WHERE}] knows no {', '.join(unknown)}: drop it.")
    default = Settings()
    limits = table.get("each", {})
    if not isinstance(limits, dict):
        raise ShakeproofError(
            f"each in [{WHERE}] is {limits!r}: write a table of seconds by marker."
        )
    return Settings(
        whole=_number(table, "whole", default.whole),
        each={kind: _number(limits, kind, 0) for kind in limits},
        slower=_number(table, "slower", default.slower),
        speedup=_number(table, "speedup", default.speedup),
        cores=int(_number(table, "cores", default.cores)),
        kinds=texts_at(table, "kinds", WHERE),
        fixtures=texts_at(table, "fixtures", WHERE),
        source=str(table.get("source", default.source)),
        pytest=texts_at(table, "pytest", WHERE),
        quick=texts_at(table, "quick", WHERE),
    )


def _number(table: Mapping[str, object], key: str, default: float) -> float:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ShakeproofError(f"{key} in [{WHERE}] is {value!r}: write a number above 0.")
    return float(value)
