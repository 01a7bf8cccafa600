"""Words that all parts of a report use (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES_SHOWN = 5  # culprits that a summary lists


def plural(count: int, noun: str) -> str:
    """Give a number with its noun: "1 run", "1,234 runs"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def any_of(names: Sequence[str]) -> str:
    """List alternatives, the first few where there are many: "a, or b"."""
    shown = ", or ".join(names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return f"{shown}, or {more:,} more (see report.json)" if more > 0 else shown
