"""What was measured, as a Markdown table (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, and what it ought to be."""

    what: str
    measured: str  # with its unit
    target: str = ""  # in words; empty: none, the figure is there to compare with
    met: bool | None = None  # None where there is no target
    how: str = ""  # what one has to know to believe it

    @property
    def verdict(self) -> str:
        """The answer in a word."""
        return "-" if self.met is None else "met" if self.met else "missed"


def table(figures: Iterable[Figure]) -> str:
    """Lay the figures out, one a row."""
    rows = [(each.what, each.measured, each.target, each.verdict, each.how) for each in figures]
    lines = [("what", "measured", "target", "verdict", "how"), ("---",) * 5, *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
