"""Reading what pytest-benchmark wrote, and telling machines apart (pure)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from shakeproof.errors import ShakeproofError
from shakeproof.gates.documents import as_object, count_at, text_at
from shakeproof.gates.speeds import FAST_BELOW, MEDIUM_BELOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UNKNOWN: Final = "unknown"
WHY_NOTHING: Final = (
    "pytest-benchmark measures nothing under -n, with --benchmark-disable, or when no test asks "
    "for its fixture: look at the paths in [tool.shakeproof.benchmarks]"
)

Speed: TypeAlias = Literal["fast", "medium", "slow"]


@dataclass(frozen=True)
class Machine:
    """What two measurements must share before their seconds can be compared."""

    cpu: str
    architecture: str
    system: str
    python: str


@dataclass(frozen=True)
class Measurement:
    """One benchmark: its seconds per call, over so many rounds."""

    name: str
    minimum: float
    median: float
    rounds: int
    calls: tuple[
        float, ...
    ] = ()  # the seconds of each round, in their order; empty where they were not kept


@dataclass(frozen=True)
class Record:
    """What was measured on one machine in one run, sorted by name."""

    created: str
    commit: str
    # Processes that wanted to run, in the last minute; None where nobody noted it.
    load: float | None
    processors: int | None  # None where nobody could tell
    machine: Machine
    measurements: tuple[Measurement, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The node ids of the benchmarks."""
        return tuple(one.name for one in self.measurements)

    @property
    def minima(self) -> dict[str, float]:
        """The least seconds of each benchmark, by name."""
        return {one.name: one.minimum for one in self.measurements}

    @property
    def calls(self) -> dict[str, tuple[float, ...]]:
        """The seconds of each call of each benchmark, by name."""
        return {one.name: one.calls for one in self.measurements}

    @property
    def busy(self) -> bool:
        """Whether the machine had more to do than it has processors."""
        return bool(self.load and self.processors and self.load > self.processors)


def speed(seconds: float) -> Speed:
    """Sort a duration into fast (under 0.1 s), medium (under 1 s) or slow."""
    if seconds < FAST_BELOW:
        return "fast"
    return "medium" if seconds < MEDIUM_BELOW else "slow"


def read_measured(report: Mapping[str, object]) -> Record:
    """Take a `Record` out of a file of pytest-benchmark 5: of `--benchmark-json`, or one it stored.

    Raises `ShakeproofError` when no benchmark is in it, when it is another kind of file, names a benchmark twice, or
    holds a time that no clock can have measured.
    """
    benchmarks = report.get("benchmarks")
    if not isinstance(benchmarks, list):
        raise ShakeproofError("It is not a file of pytest-benchmark: 'benchmarks' is missing.")
    if not benchmarks:
        raise ShakeproofError(f"No benchmark was measured: {WHY_NOTHING}.")
    entries = [as_object(entry, "a benchmark") for entry in benchmarks]
    return Record(
        created=text_at(report, "datetime"),
        commit=_commit(report.get("commit_info")),
        load=_load(report.get("shakeproof")),
        processors=_processors(report.get("machine_info")),
        machine=machine_of(as_object(report.get("machine_info"), "'machine_info'")),
        measurements=_in_order(
            _measurement(text_at(entry, "fullname"), as_object(entry.get("stats"), "'stats'"))
            for entry in entries
        ),
    )


def machine_of(info: Mapping[str, object]) -> Machine:
    """Say on what kind of machine pytest-benchmark measured."""
    cpu = as_object(info.get("cpu", {}), "'cpu'")
    return Machine(
        cpu=str(cpu.get("brand_raw") or UNKNOWN).strip(),
        architecture=text_at(info, "machine"),
        system=text_at(info, "system"),
        python=f"{text_at(info, 'python_implementation')} {text_at(info, 'python_version')}",
    )


def machine_differences(measured: Machine, baseline: Machine) -> tuple[str, ...]:
    """Say in what two machines differ; a CPU nobody could name is never taken for the same one."""
    before, now = asdict(baseline), asdict(measured)
    different = tuple(
        f"{part} was {before[part]!r} and is {now[part]!r}"
        for part in before
        if before[part] != now[part]
    )
    unnamed = UNKNOWN in (measured.cpu, baseline.cpu) and measured.cpu == baseline.cpu
    return (*different, "the cpu could not be identified") if unnamed else different


def readable(seconds: float) -> str:
    """Write a duration with a unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _commit(info: object) -> str:
    if not isinstance(info, dict):
        return UNKNOWN
    changed = " with changes" if info.get("dirty") else ""
    return f"{str(info.get('id') or UNKNOWN)[:12]}{changed}"


def _load(noted: object) -> float | None:
    load = noted.get("load") if isinstance(noted, dict) else None
    return float(load) if isinstance(load, int | float) else None


def _processors(info: object) -> int | None:
    cpu = info.get("cpu") if isinstance(info, dict) else None
    count = cpu.get("count") if isinstance(cpu, dict) else None
    return count if isinstance(count, int) else None


def _in_order(measurements: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """Sort by name; two benchmarks of one name could hide each other, so they are an error."""
    ordered = tuple(sorted(measurements, key=lambda one: one.name))
    for one, following in pairwise(ordered):
        if one.name == following.name:
            raise ShakeproofError(f"{one.name} was measured twice: give one of them another name.")
    return ordered


def _measurement(name: str, stats: Mapping[str, object]) -> Measurement:
    calls = stats.get("data")
    return Measurement(
        name=name,
        minimum=_duration(name, stats.get("min")),
        median=_duration(name, stats.get("median")),
        rounds=count_at(stats, "rounds"),
        calls=tuple(_duration(name, each) for each in calls) if isinstance(calls, list) else (),
    )


def _duration(name: str, value: object) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < cast("float", value) < math.inf:
        raise ShakeproofError(f"{name} took {value!r} instead of a positive number of seconds.")
    return float(cast("float", value))
