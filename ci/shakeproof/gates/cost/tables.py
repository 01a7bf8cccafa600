"""Laying out what the suite costs (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shakeproof.gates.cost import breakdown
from shakeproof.gates.cost.arms import OVERHEADS, SERIAL, parallel
from shakeproof.gates.cost.spread import Spread, spread
from shakeproof.gates.verdict import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shakeproof.gates.cost.breakdown import Part
    from shakeproof.gates.cost.judging import Limit
    from shakeproof.gates.cost.running import Measured
    from shakeproof.gates.cost.runs import Timed
    from shakeproof.gates.cost.scaling import Scaling
    from shakeproof.gates.machine import Machine

NONE: Final = "-"
UNTESTED: Final = ", which tells nothing: as many unknowns as measurements"


def limits(found: Iterable[Limit]) -> Table:
    """Show one row a limit."""
    rows = ((one.what, one.measured, one.limit, one.answer or "not applicable") for one in found)
    return Table("Limits", (("what", "measured", "limit", "answer"), *rows))


def scaling(machine: Machine, measured: Measured, fitted: Scaling) -> tuple[Table, Table]:
    """Show the time by the number of workers, and the law that was fitted to it."""
    serial = measured.of(SERIAL)
    rows = [
        (
            "way",
            "seconds",
            "speed-up",
            "efficiency",
            "T(n)",
            "workers there",
            "collected",
            "first report",
        )
    ]
    for workers in (0, *measured.counts):
        runs = measured.of(parallel(workers) if workers else SERIAL)
        faster = spread(breakdown.ratios(serial, runs))
        ready = [run.ready for run in runs.values() if run.ready is not None]
        rows.append(
            (
                way(workers, machine, measured) if workers else "in one process",
                shown(spread(run.seconds for run in runs.values()), ""),
                shown(faster, " x") if workers else NONE,
                f"{100 * faster.median / workers:.0f} %" if workers else NONE,
                f"{fitted.seconds(workers):.1f}" if workers else NONE,
                f"{spread(ready).median:.1f} s" if ready else NONE,
                f"{spread(run.collected for run in runs.values()).median:.1f} s",
                f"{spread(run.first for run in runs.values()).median:.1f} s",
            )
        )
    law = (
        ("T(n) = a + b / min(n, cores) + c n", "seconds"),
        ("a: what stays serial", f"{fitted.serial:.2f}"),
        ("b: what is shared out", f"{fitted.shared:.2f}"),
        ("c: what each worker costs", f"{fitted.worker:.2f}"),
        (
            "largest distance from a measured median",
            f"{fitted.off:.2f}{'' if fitted.tested else UNTESTED}",
        ),
        ("recommended number of workers", str(fitted.recommended)),
    )
    return Table("Time by number of workers", tuple(rows)), Table("The law", law)


def way(workers: int, machine: Machine, measured: Measured) -> str:
    """Name a run with workers as people ask for it, and say what is special about their number."""
    special = [
        *(["auto"] if workers == measured.auto else []),
        *(["one a core"] if workers == machine.cores else []),
    ]
    return f"{parallel(workers)} ({', '.join(special)})" if special else parallel(workers)


def overheads(measured: Measured) -> Table:
    """Show what one thing more costs, as a ratio round by round and in seconds."""
    serial = measured.of(SERIAL)
    rows = [("with", "seconds", "to one process without", "more")]
    for name in OVERHEADS:
        runs = measured.of(name)
        more = [
            runs[number].seconds - serial[number].seconds for number in runs if number in serial
        ]
        if not more:
            rows.append((name, NONE, NONE, "not measured"))
            continue
        rows.append(
            (
                name,
                shown(spread(run.seconds for run in runs.values()), ""),
                shown(spread(breakdown.ratios(runs, serial)), " x"),
                shown(spread(more)),
            )
        )
    aside = spread(breakdown.outside(serial.values()))
    rows.append(("nothing: start, imports, collection, reports", shown(aside, ""), NONE, NONE))
    return Table("What is beside the tests", tuple(rows))


def parts(title: str, found: Sequence[Part], counted: str = "tests") -> Table:
    """Show one row a part, with its share of all."""
    whole = sum(part.seconds for part in found) or 1.0
    rows = (
        (part.name, str(part.count), f"{part.seconds:.2f}", f"{100 * part.seconds / whole:.0f} %")
        for part in found
    )
    return Table(title, (("what", counted, "seconds", "share"), *rows))


def slowest(tests: Iterable[Timed]) -> Table:
    """Show one row a test, with what it spends its time on."""
    rows = (
        (
            test.test,
            f"{test.seconds:.2f}",
            f"{test.setup:.2f}",
            f"{test.call:.2f}",
            f"{test.teardown:.2f}",
            ", ".join(
                f"{name} {seconds:.2f}"
                for name, seconds in test.fixtures[:3]
                if seconds >= breakdown.WORTH_A_ROW
            )
            or NONE,
        )
        for test in tests
    )
    return Table(
        "The slowest tests, in seconds",
        (("test", "all", "setup", "call", "teardown", "fixtures"), *rows),
    )


def shown(measured: Spread, unit: str = " s") -> str:
    """Write the median, and the range where there is one."""
    digits = 2 if abs(measured.median) < 10 else 1  # noqa: PLR2004 - three digits are more than noise allows
    if measured.times == 1:
        return f"{measured.median:.{digits}f}{unit}"
    return f"{measured.median:.{digits}f}{unit} ({measured.low:.{digits}f} to {measured.high:.{digits}f})"
