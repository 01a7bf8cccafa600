"""Where the time of the serial runs goes (pure)."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shakeproof.gates.cost.runs import Timed
from shakeproof.gates.speeds import FAST_BELOW, MEDIUM_BELOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shakeproof.gates.cost.runs import Run

SPEEDS: Final = (
    f"fast (under {FAST_BELOW:g} s)",
    f"medium (under {MEDIUM_BELOW:g} s)",
    "slow (the rest)",
)
MOST_FIXTURES: Final = 10
WORTH_A_ROW: Final = 0.01  # seconds in a run
UNMARKED: Final = "of no kind"


@dataclass(frozen=True)
class Part:
    """Some of the tests, or of the fixtures, and what they took together in a typical run."""

    name: str
    count: int
    seconds: float


def typical(runs: Sequence[Run]) -> tuple[Timed, ...]:
    """Take the median of each phase of each test over the runs, tests in the order of the first one."""
    seen: defaultdict[str, list[Timed]] = defaultdict(list)
    for run in runs:
        for test in run.tests:
            seen[test.test].append(test)
    return tuple(
        Timed(
            test=name,
            marks=times[0].marks,
            setup=statistics.median(each.setup for each in times),
            call=statistics.median(each.call for each in times),
            teardown=statistics.median(each.teardown for each in times),
            fixtures=_fixtures_of(times),
        )
        for name, times in seen.items()
    )


def by_speed(tests: Iterable[Timed]) -> tuple[Part, ...]:
    """Sort tests into fast, medium and slow, by all their phases."""
    groups: dict[str, list[Timed]] = {speed: [] for speed in SPEEDS}
    for test in tests:
        at = (test.seconds >= FAST_BELOW) + (test.seconds >= MEDIUM_BELOW)
        groups[SPEEDS[at]].append(test)
    return tuple(_part(name, group) for name, group in groups.items())


def by_kind(tests: Iterable[Timed], kinds: Sequence[str]) -> tuple[Part, ...]:
    """Sort tests by the first of these markers that they have."""
    groups: dict[str, list[Timed]] = {kind: [] for kind in (*kinds, UNMARKED)}
    for test in tests:
        groups[next((kind for kind in kinds if kind in test.marks), UNMARKED)].append(test)
    return tuple(_part(name, group) for name, group in groups.items() if group)


def by_fixture(runs: Sequence[Run], always: Iterable[str]) -> tuple[Part, ...]:
    """Say what setting up each fixture takes in a run: the dearest first, then those that are always wanted."""
    seen: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for run in runs:
        for fixture in run.fixtures:
            seen[f"{fixture.name} ({fixture.scope})"].append((fixture.times, fixture.seconds))
    parts = sorted(
        (
            Part(
                name,
                round(statistics.median(times for times, _ in found)),
                statistics.median(seconds for _, seconds in found),
            )
            for name, found in seen.items()
        ),
        key=lambda part: -part.seconds,
    )
    wanted = frozenset(always)
    dear = [part for part in parts[:MOST_FIXTURES] if part.seconds >= WORTH_A_ROW]
    rest = [part for part in parts if part not in dear]
    return (*dear, *(part for part in rest if part.name.partition(" ")[0] in wanted))


def slowest(tests: Iterable[Timed], count: int = 20) -> tuple[Timed, ...]:
    """Pick the slowest, the slowest first."""
    return tuple(sorted(tests, key=lambda test: (-test.seconds, test.test))[:count])


def outside(runs: Iterable[Run]) -> list[float]:
    """Say what each run took beside its tests: starting, importing, collecting, reporting; seconds."""
    return [run.seconds - sum(test.seconds for test in run.tests) for run in runs]


def ratios(one: Mapping[int, Run], other: Mapping[int, Run]) -> list[float]:
    """Divide the times of two ways, round by round: what slows the machine for a while meets both."""
    return [
        one[number].seconds / other[number].seconds for number in sorted(one.keys() & other.keys())
    ]


def _fixtures_of(times: Sequence[Timed]) -> tuple[tuple[str, float], ...]:
    found: defaultdict[str, list[float]] = defaultdict(list)
    for each in times:
        for name, seconds in each.fixtures:
            found[name].append(seconds)
    middle = ((name, statistics.median(seconds)) for name, seconds in found.items())
    return tuple(sorted(middle, key=lambda pair: -pair[1]))


def _part(name: str, group: Sequence[Timed]) -> Part:
    return Part(name, len(group), sum(test.seconds for test in group))
