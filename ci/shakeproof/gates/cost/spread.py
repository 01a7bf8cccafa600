"""What several measurements of one thing say together, and whether that keeps a limit (pure)."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shakeproof.gates.verdict import Answer

ENOUGH: Final = 3  # measurements: fewer say nothing about how far they spread


@dataclass(frozen=True)
class Spread:
    """The middle of some measurements and how far they lie apart.

    The range and no interval of confidence: so few runs support no assumption on how noise is distributed.
    """

    median: float
    low: float
    high: float
    times: int

    def at_most(self, limit: float) -> Answer:
        """Tell whether a limit from above is kept: by all, by none, or by some and that decides nothing."""
        return self._answer(self.high <= limit, self.low > limit)

    def at_least(self, limit: float) -> Answer:
        """Tell the same of a limit from below."""
        return self._answer(self.low >= limit, self.high < limit)

    def _answer(self, kept: bool, missed: bool) -> Answer:  # noqa: FBT001 - two sides of one question
        if self.times < ENOUGH:
            return "inconclusive"
        return "pass" if kept else "fail" if missed else "inconclusive"


def spread(values: Iterable[float]) -> Spread:
    """Summarise measurements; raise ShakeproofError where there are none."""
    found = sorted(values)
    if not found:
        raise ShakeproofError("Nothing was measured: give it more time with --budget.")
    return Spread(statistics.median(found), found[0], found[-1], len(found))
