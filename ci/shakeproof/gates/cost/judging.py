"""From the runs to the answer (pure)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from shakeproof.errors import ShakeproofError
from shakeproof.gates.cost import breakdown, tables
from shakeproof.gates.cost.arms import SERIAL, parallel
from shakeproof.gates.cost.scaling import fit
from shakeproof.gates.cost.spread import Spread, spread
from shakeproof.gates.verdict import Verdict, worst
from shakeproof.report.phrases import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shakeproof.gates.cost.running import Measured
    from shakeproof.gates.cost.settings import Settings
    from shakeproof.gates.machine import Machine
    from shakeproof.gates.verdict import Answer

GATE: Final = "suite-cost"
Extent: TypeAlias = Literal["whole", "part", "trial"]
"""How much of the suite was run: all, what the user chose, or a few tests once, to see whether measuring works."""
WHY_NOT: Final = {"part": "this is a part of the suite", "trial": "this is only a trial"}


@dataclass(frozen=True)
class Limit:
    """One limit, what was measured, and the answer; None where it does not apply to this machine."""

    what: str
    measured: str
    limit: str
    answer: Answer | None
    why: str = ""
    alone: bool = False  # it is about single tests, and holds for a part of the suite as well

    @property
    def sentence(self) -> str:
        """Say all of it."""
        word = {"fail": "is not kept", "inconclusive": "is neither kept nor missed for certain"}
        said = word.get(str(self.answer), "is kept" if self.answer else "does not apply")
        return f"{self.what}: {self.measured}, where {self.limit} is the limit, which {said}{self.why}."


def verdict(
    settings: Settings,
    machine: Machine,
    measured: Measured,
    remarks: Sequence[str],
    extent: Extent = "whole",
) -> Verdict:
    """Judge the limits, and lay out where the time goes; of a part of the suite, only what holds for single tests.

    Raises ShakeproofError where the serial run, or in the whole suite a kind of test that has a limit, was not
    measured.
    """
    serial = tuple(measured.of(SERIAL).values())
    whole = spread(run.seconds for run in serial)
    tests = breakdown.typical(serial)
    limits = tuple(
        limit
        if extent == "whole" or (extent == "part" and limit.alone)
        else replace(limit, answer=None, why=f": {WHY_NOT[extent]}")
        for limit in _limits(settings, machine, measured, extent)
    )
    answer = worst(limit.answer for limit in limits if limit.answer is not None)
    scaling = fit(_medians(measured), machine.cores)
    unkept = [limit for limit in limits if limit.answer not in {"pass", None}]
    return Verdict(
        gate=GATE,
        answer=answer,
        sentence=_passed(extent, whole, scaling.recommended)
        if answer == "pass"
        else _missed(unkept, answer),
        notes=(
            *(limit.sentence for limit in unkept),
            *(limit.sentence for limit in limits if limit.answer is None),
            *remarks,
        ),
        tables=(
            tables.limits(limits),
            *tables.scaling(machine, measured, scaling),
            tables.overheads(measured),
            tables.parts("Time by category", breakdown.by_speed(tests)),
            tables.parts("Time by kind of test", breakdown.by_kind(tests, settings.kinds)),
            tables.parts(
                "Time of setting fixtures up",
                breakdown.by_fixture(serial, settings.fixtures),
                "times",
            ),
            tables.slowest(breakdown.slowest(tests)),
        ),
        details={
            "machine": asdict(machine),
            "limits": [asdict(limit) for limit in limits],
            "ways": {
                name: asdict(spread(run.seconds for run in runs.values()))
                for name, runs in measured.runs.items()
                if runs
            },
            "scaling": {**asdict(scaling), "recommended": scaling.recommended},
            "auto": measured.auto,
            "tests": [
                {**asdict(test), "marks": sorted(test.marks), "seconds": test.seconds}
                for test in tests
            ],
            "measured_seconds": measured.seconds,
        },
    )


def _passed(extent: Extent, whole: Spread, recommended: int) -> str:
    if extent == "trial":
        return "It works; what a few tests took once tells nothing of the suite."
    if extent == "part":
        return f"This part of the suite takes {tables.shown(whole)} in one process."
    return f"The suite takes {tables.shown(whole)} in one process; {recommended} workers are recommended here."


def _missed(unkept: Sequence[Limit], answer: Answer) -> str:
    first = next(limit for limit in unkept if limit.answer == answer)
    more = f" ({plural(len(unkept) - 1, 'more limit')} above)" if len(unkept) > 1 else ""
    return f"{first.sentence.removesuffix('.')}{more}."


def _limits(
    settings: Settings, machine: Machine, measured: Measured, extent: Extent
) -> Iterator[Limit]:
    serial = measured.of(SERIAL)
    whole = spread(run.seconds for run in serial.values())
    yield Limit(
        "the whole suite in one process",
        tables.shown(whole),
        f"at most {settings.whole:g} s",
        whole.at_most(settings.whole),
        _few(whole),
    )
    for kind, seconds in settings.each.items():
        times = _times(kind, measured)
        if times:
            yield _each(kind, seconds, times)
        elif extent == "whole":
            raise ShakeproofError(
                f"No test has the marker {kind!r}, which has a limit: mark some, or drop the limit."
            )
    for workers in sorted({machine.cores, measured.auto or machine.cores}):
        slower = spread(breakdown.ratios(measured.of(parallel(workers)), serial))
        yield Limit(
            f"the time of {plural(workers, 'worker')} to one process",
            tables.shown(slower, " x"),
            f"at most {settings.slower:g} x",
            slower.at_most(settings.slower),
            _few(slower),
        )
    faster = spread(breakdown.ratios(serial, measured.of(parallel(machine.cores))))
    enough = machine.cores >= settings.cores
    yield Limit(
        f"the speed-up of {plural(machine.cores, 'worker')} to one process",
        tables.shown(faster, " x"),
        f"at least {settings.speedup:g} x from {settings.cores} cores on",
        faster.at_least(settings.speedup) if enough else None,
        _few(faster) if enough else f": this machine has {machine.cores}",
    )


def _times(kind: str, measured: Measured) -> Mapping[str, Sequence[float]]:
    """Give what the tests of one kind took in each serial run, by name; seconds."""
    times: dict[str, list[float]] = {}
    for run in measured.of(SERIAL).values():
        for test in run.tests:
            if kind in test.marks:
                times.setdefault(test.test, []).append(test.seconds)
    return times


def _each(kind: str, seconds: float, times: Mapping[str, Sequence[float]]) -> Limit:
    """Judge the tests of one kind: the one that comes nearest to the limit, or beyond it, speaks for all."""
    judged = {name: spread(each) for name, each in times.items()}
    answer = worst(each.at_most(seconds) for each in judged.values())
    telling = {
        name: each
        for name, each in judged.items()
        if answer == "pass" or each.at_most(seconds) == answer
    }
    name, dearest = max(telling.items(), key=lambda pair: pair[1].median)
    over = sum(each.at_most(seconds) == "fail" for each in judged.values())
    more = f"; {over} of them are over it" if over > 1 else _few(dearest)
    return Limit(
        f"each of {len(judged)} {kind} tests",
        tables.shown(dearest),
        f"at most {seconds:g} s",
        answer,
        f"{more}; the slowest is {name}",
        alone=True,
    )


def _few(measured: Spread) -> str:
    return "" if measured.times > 2 else f" after {measured.times} of at least 3 runs"  # noqa: PLR2004 - see spread


def _medians(measured: Measured) -> Mapping[int, float]:
    """Give the typical time by number of workers, for those that time sufficed for."""
    return {
        workers: spread(run.seconds for run in measured.of(parallel(workers)).values()).median
        for workers in measured.counts
    }
