"""Say whether any benchmark is slower than the stored baseline.

Reads the JSON of pytest-benchmark, keeps the few numbers that matter, and compares them with the
baseline of the same machine. The rule compares *minima*: noise on a computer only ever adds time,
so the smallest of many rounds is the steadiest estimate of what the code itself costs. On a noisy
two-core machine, comparing the *means* of two single runs at a limit of 10 % raised 33 % false
alarms and missed half of the real changes; that is why the limits here are wide (`DOUBTFUL` and
`FAILING`) and why there is a third answer, *inconclusive*, between them. A gate that measures both
revisions side by side can be sharper; two runs at different times cannot.

    python -m shakeproof.gates.benchmark check MEASURED.json --baseline FILE [--update]

Exit status: 0 pass or inconclusive, 1 slower, 2 a benchmark without an answer or a bad request,
4 nothing was measured.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from shakeproof.errors import NothingToJudgeError, ShakeproofError
from shakeproof.files import write_text
from shakeproof.gates.documents import (
    aligned,
    as_object,
    count_at,
    markdown,
    read_object,
    text_at,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SCHEMA: Final = "shakeproof.benchmarks/1"
REPORT_SCHEMA: Final = "shakeproof.benchmark-report/1"

DOUBTFUL: Final = 1.25  # a minimum this many times the baseline's is no longer a clear pass
FAILING: Final = 2.0  # and from here on it is a failure

FAST_BELOW: Final = 0.1  # seconds
MEDIUM_BELOW: Final = 1.0  # seconds

UNKNOWN: Final = "unknown"
WHY_NOTHING: Final = (
    "pytest-benchmark measures nothing under -n, with --benchmark-disable or when no benchmark "
    "was selected"
)

Answer: TypeAlias = Literal["pass", "fail", "inconclusive"]
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


@dataclass(frozen=True)
class Record:
    """What was measured on one machine in one run, sorted by name."""

    created: str
    machine: Machine
    measurements: tuple[Measurement, ...]


@dataclass(frozen=True)
class Comparison:
    """The answer for one benchmark; `ratio` is its minimum over the baseline's."""

    name: str
    answer: Answer
    ratio: float
    reason: str


@dataclass(frozen=True)
class Verdict:
    """The answers for all benchmarks both sides have, and what kept the rest from an answer."""

    comparisons: tuple[Comparison, ...]
    errors: tuple[str, ...]
    elsewhere: tuple[str, ...]  # in what the machines differ

    @property
    def exit_status(self) -> int:
        """1 when a benchmark fails, 2 when one has no answer at all, else 0."""
        if any(comparison.answer == "fail" for comparison in self.comparisons):
            return 1
        return 2 if self.errors else 0


def speed(seconds: float) -> Speed:
    """Sort a duration into fast (under 0.1 s), medium (under 1 s) or slow."""
    if seconds < FAST_BELOW:
        return "fast"
    return "medium" if seconds < MEDIUM_BELOW else "slow"


def read_measured(report: Mapping[str, object]) -> Record:
    """Take a `Record` out of the report that `pytest --benchmark-json` wrote (pytest-benchmark 5).

    Raises `NothingToJudgeError` when no benchmark is in it, `ShakeproofError` when it is another
    kind of file, names a benchmark twice or holds a time that no clock can have measured.
    """
    benchmarks = report.get("benchmarks")
    if not isinstance(benchmarks, list):
        raise ShakeproofError("The measured file is not a report of pytest --benchmark-json.")
    if not benchmarks:
        raise NothingToJudgeError(f"No benchmark was measured: {WHY_NOTHING}.")
    info = as_object(report.get("machine_info"), "'machine_info'")
    cpu = as_object(info.get("cpu", {}), "'cpu'")
    entries = [as_object(entry, "a benchmark") for entry in benchmarks]
    return Record(
        created=text_at(report, "datetime"),
        machine=Machine(
            cpu=str(cpu.get("brand_raw") or UNKNOWN).strip(),
            architecture=text_at(info, "machine"),
            system=text_at(info, "system"),
            python=f"{text_at(info, 'python_implementation')} {text_at(info, 'python_version')}",
        ),
        measurements=_in_order(
            _measurement(
                text_at(entry, "fullname"), as_object(entry.get("stats"), "'stats'"), "min"
            )
            for entry in entries
        ),
    )


def read_baseline(document: Mapping[str, object]) -> Record:
    """Take a `Record` out of a stored baseline.

    Raises `ShakeproofError` for anything else, an empty baseline included: comparing with nothing
    would pass whatever was measured.
    """
    if document.get("schema") != SCHEMA:
        raise ShakeproofError(
            f"The baseline's schema is {document.get('schema')!r} instead of {SCHEMA!r}: "
            "delete the file, and the next run stores a new one."
        )
    benchmarks = as_object(document.get("benchmarks"), "'benchmarks'")
    if not benchmarks:
        raise ShakeproofError(
            "The baseline holds no benchmark, so nothing can be compared with it: "
            "delete the file, and the next run stores a new one."
        )
    machine = as_object(document.get("machine"), "'machine'")
    return Record(
        created=text_at(document, "created"),
        machine=Machine(
            cpu=text_at(machine, "cpu"),
            architecture=text_at(machine, "architecture"),
            system=text_at(machine, "system"),
            python=text_at(machine, "python"),
        ),
        measurements=_in_order(
            _measurement(name, as_object(entry, name), "minimum")
            for name, entry in benchmarks.items()
        ),
    )


def baseline_document(record: Record) -> dict[str, object]:
    """Return what is stored for a record: the shape that `read_baseline` reads."""
    return {
        "schema": SCHEMA,
        "created": record.created,
        "machine": asdict(record.machine),
        "benchmarks": {
            one.name: {"minimum": one.minimum, "median": one.median, "rounds": one.rounds}
            for one in record.measurements
        },
    }


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


def compare(measured: Record, baseline: Record) -> Verdict:
    """Judge each benchmark that both sides have; name those that only one side has.

    On one machine the ratio of the minima decides: below `DOUBTFUL` pass, from `FAILING` on fail,
    in between inconclusive. On different machines every answer is inconclusive.
    """
    elsewhere = machine_differences(measured.machine, baseline.machine)
    before = {one.name: one for one in baseline.measurements}
    now = {one.name: one for one in measured.measurements}
    return Verdict(
        comparisons=tuple(
            _judge(one, before[name], same_machine=not elsewhere)
            for name, one in now.items()
            if name in before
        ),
        errors=(
            *(
                f"{name} is in the baseline and was not measured: restore it, or drop it with "
                "--update."
                for name in before
                if name not in now
            ),
            *(
                f"{name} was measured and is not in the baseline: add it with --update."
                for name in now
                if name not in before
            ),
        ),
        elsewhere=elsewhere,
    )


def explain(verdict: Verdict) -> tuple[str, ...]:
    """Say everything that is not a plain pass, and how many answers of each kind there are."""
    answers = [comparison.answer for comparison in verdict.comparisons]
    counted = ", ".join(
        f"{answers.count(answer)} {answer}" for answer in ("pass", "inconclusive", "fail")
    )
    return (
        *verdict.errors,
        *(
            f"{comparison.name}: {comparison.answer}, {comparison.reason}."
            for comparison in verdict.comparisons
            if comparison.answer != "pass"
        ),
        *(
            f"The baseline is from another machine: {difference}."
            for difference in verdict.elsewhere
        ),
        f"{len(answers)} compared with the baseline: {counted}.",
    )


def table(measured: Record, verdict: Verdict) -> tuple[tuple[str, ...], ...]:
    """Return the rows people read, the heading first: one row per measured benchmark."""
    answers = {comparison.name: comparison for comparison in verdict.comparisons}
    heading = ("benchmark", "minimum", "median", "rounds", "speed", "ratio", "answer")
    return (
        heading,
        *(
            (
                one.name,
                _readable(one.minimum),
                _readable(one.median),
                str(one.rounds),
                speed(one.median),
                f"{answers[one.name].ratio:.2f}" if one.name in answers else "-",
                answers[one.name].answer if one.name in answers else "-",
            )
            for one in measured.measurements
        ),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = _parser().parse_args(argv)
    try:
        return _check(options)
    except ShakeproofError as error:
        sys.stderr.write(f"benchmark gate: {error}\n")
        return error.exit_status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m shakeproof.gates.benchmark",
        description="Is any benchmark slower than the stored baseline?",
    )
    commands = parser.add_subparsers(required=True)
    check = commands.add_parser(
        "check", help="compare a report of pytest --benchmark-json with the stored baseline"
    )
    check.add_argument("measured", type=Path, metavar="MEASURED.json")
    check.add_argument(
        "--baseline", type=Path, required=True, metavar="FILE", help="made when it does not exist"
    )
    check.add_argument(
        "--update", action="store_true", help="store this run as the baseline, compare nothing"
    )
    check.add_argument(
        "--report", type=Path, metavar="DIR", help="write report.json and summary.md there"
    )
    return parser


def _check(options: argparse.Namespace) -> int:
    if not options.measured.exists():
        raise NothingToJudgeError(f"{options.measured} was not written: {WHY_NOTHING}.")
    measured = read_measured(read_object(options.measured))
    first = not options.baseline.exists()
    if first or options.update:
        write_text(options.baseline, json.dumps(baseline_document(measured), indent=2) + "\n")
        why = "as --update asked" if options.update else "there was none"
        verdict = Verdict((), (), ())
        said: tuple[str, ...] = (
            f"Stored this run as the baseline, {why}: {options.baseline}. Nothing was compared.",
        )
    else:
        verdict = compare(measured, read_baseline(read_object(options.baseline)))
        said = explain(verdict)
    rows = table(measured, verdict)
    sys.stdout.write(aligned(rows) + "\n" + "".join(f"{sentence}\n" for sentence in said))
    if options.report:
        _report(options.report, measured, verdict, said)
    return verdict.exit_status


def _report(folder: Path, measured: Record, verdict: Verdict, said: tuple[str, ...]) -> None:
    document = {
        "schema": REPORT_SCHEMA,
        "exit_status": verdict.exit_status,
        "comparisons": [asdict(comparison) for comparison in verdict.comparisons],
        "errors": verdict.errors,
        "elsewhere": verdict.elsewhere,
        "measured": baseline_document(measured),
    }
    write_text(folder / "report.json", json.dumps(document, indent=2) + "\n")
    sentences = "".join(f"- {sentence}\n" for sentence in said)
    page = f"# Benchmarks\n\n{_warning(verdict)}{markdown(table(measured, verdict))}\n{sentences}"
    write_text(folder / "summary.md", page)


def _warning(verdict: Verdict) -> str:
    """Keep a green page from reading as "fast enough" where nothing said so."""
    if not verdict.comparisons and not verdict.errors:
        return (
            "**Nothing was compared.** This run became the baseline; "
            "green means only that the benchmarks ran.\n\n"
        )
    if verdict.elsewhere:
        return "**Nothing was decided.** The baseline is from another machine.\n\n"
    return ""


def _judge(now: Measurement, before: Measurement, *, same_machine: bool) -> Comparison:
    ratio = now.minimum / before.minimum
    if not same_machine:
        return Comparison(now.name, "inconclusive", ratio, "measured on another machine")
    if ratio < DOUBTFUL:
        return Comparison(now.name, "pass", ratio, f"below {DOUBTFUL} times the baseline")
    if ratio < FAILING:
        reason = (
            f"from {DOUBTFUL} to {FAILING} times the baseline, which two single runs "
            "cannot tell from noise: measure again"
        )
        return Comparison(now.name, "inconclusive", ratio, reason)
    return Comparison(now.name, "fail", ratio, f"{FAILING} times the baseline or more")


def _in_order(measurements: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """Sort by name; two benchmarks of one name could hide each other, so they are an error."""
    ordered = tuple(sorted(measurements, key=lambda one: one.name))
    for one, following in pairwise(ordered):
        if one.name == following.name:
            raise ShakeproofError(f"{one.name} was measured twice: give one of them another name.")
    return ordered


def _measurement(name: str, stats: Mapping[str, object], minimum: str) -> Measurement:
    return Measurement(
        name=name,
        minimum=_duration(name, stats, minimum),
        median=_duration(name, stats, "median"),
        rounds=count_at(stats, "rounds"),
    )


def _duration(name: str, stats: Mapping[str, object], key: str) -> float:
    value = stats.get(key)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < cast("float", value) < math.inf:
        raise ShakeproofError(f"{name} took {value!r} instead of a positive number of seconds.")
    return float(cast("float", value))


def _readable(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


if __name__ == "__main__":
    sys.exit(main())
