"""What tests of the suite's cost build: tests, runs and rounds of which everything is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shakeproof.gates.cost.arms import OVERHEADS, SERIAL, parallel
from shakeproof.gates.cost.running import Measured
from shakeproof.gates.cost.runs import Fixture, Run, Timed

if TYPE_CHECKING:
    from collections.abc import Sequence


def timed(
    test: str, seconds: float, *marks: str, fixtures: tuple[tuple[str, float], ...] = ()
) -> Timed:
    """Make a test that spends a tenth before and a tenth after."""
    return Timed(test, frozenset(marks), seconds / 10, seconds * 8 / 10, seconds / 10, fixtures)


def run(
    arm: str, seconds: float, tests: Sequence[Timed] = (), fixtures: Sequence[Fixture] = ()
) -> Run:
    """Make a run; with workers it says when they were there."""
    ready = 0.5 if arm.startswith("-n") else None
    every = tests or (timed("test_law", 0.5, "property"),)
    return Run(arm, seconds, ready, 0.75, 1.0, tuple(every), tuple(fixtures))


def measured(
    tests: Sequence[Timed] = (), auto: int = 2, /, **seconds: tuple[float, ...]
) -> Measured:
    """Make three rounds: as long as these say, by way (`n2` for two workers)."""
    ways = {
        SERIAL: (100.0, 101.0, 102.0),
        "n1": (105.0, 105.0, 105.0),
        "n2": (60.0, 60.0, 60.0),
        "n3": (61.0, 61.0, 61.0),
        "n4": (62.0, 62.0, 62.0),
        **dict.fromkeys(OVERHEADS, (110.0, 112.0, 111.0)),
    } | seconds
    return Measured(
        {
            (name := parallel(int(way[1:])) if way[1:].isdecimal() else way): {
                number: run(name, each, tests) for number, each in enumerate(times)
            }
            for way, times in ways.items()
            if times
        },
        1234.0,
        auto,
    )
