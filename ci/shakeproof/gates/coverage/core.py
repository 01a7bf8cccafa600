"""With what coverage.py measures: its C tracer, or Python's sys.monitoring (pure).

The monitoring core measures branches only from Python 3.14 on, and which of the two is faster depends on the suite:
other projects found it three times slower. So where there is a choice, a part of the suite runs under each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

C_TRACER: Final = "ctrace"  # the names that COVERAGE_CORE takes
MONITORING: Final = "sysmon"
MONITORS_BRANCHES: Final = (3, 14)
CLEARLY: Final = 0.95  # of the C tracer's time: what is faster by less is no reason to leave it


@dataclass(frozen=True)
class Choice:
    """The core that measures, and why."""

    core: str
    why: str


def candidates(python: tuple[int, ...]) -> tuple[str, ...]:
    """Name the cores that measure branches on this Python."""
    return (C_TRACER, MONITORING) if python >= MONITORS_BRANCHES else (C_TRACER,)


def choose(cores: Sequence[str], seconds: Mapping[str, Sequence[float]]) -> Choice:
    """Pick the faster of the cores that measure branches here, by the least time of each: noise only ever adds.

    Where none was timed it is the C tracer.
    """
    if MONITORING not in cores:
        return Choice(C_TRACER, "the only core that measures branches before Python 3.14")
    if MONITORING not in seconds:
        return Choice(
            C_TRACER, "pyproject.toml names no sample by which to compare it with another"
        )
    least = {core: min(times) for core, times in seconds.items()}
    rounds = len(seconds[MONITORING])
    measured = (
        f"{least[C_TRACER]:.2f} s with the C tracer and {least[MONITORING]:.2f} s with sys.monitoring, "
        f"least of {rounds} on the sample"
    )
    faster = least[MONITORING] < CLEARLY * least[C_TRACER]
    return Choice(MONITORING if faster else C_TRACER, measured)
