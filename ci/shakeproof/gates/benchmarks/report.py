"""What the benchmark gate says (pure): for people in a few lines, for programs in full."""

from __future__ import annotations

import math
from dataclasses import asdict
from statistics import median
from typing import TYPE_CHECKING, Final

from shakeproof.gates.benchmarks.measured import readable, speed
from shakeproof.gates.benchmarks.names import differences
from shakeproof.gates.verdict import Table, Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from shakeproof.gates.benchmarks.baseline import Comparison
    from shakeproof.gates.benchmarks.instructions import Counted
    from shakeproof.gates.benchmarks.judge import Interval, Round
    from shakeproof.gates.benchmarks.measured import Record
    from shakeproof.gates.benchmarks.series import Decision

GATE: Final = "benchmark-baseline"
SHORT: Final = 12
REFUSED: Final = (
    "This run was not stored, so the next one is compared with the same baseline. If it is meant to be so slow: "
    "`nox -s benchmark-baseline -- --update`."
)


def recorded(measured: Record, stored: Path, why: str) -> Verdict:
    """Say that this run became the baseline, and that green means no more than that."""
    return Verdict(
        GATE,
        "pass",
        f"Recorded, nothing to compare with: {why}. Green means only that the benchmarks ran; "
        "`nox -s benchmark-baseline -- --against REVISION` compares.",
        notes=(f"The baseline is {stored.as_posix()}.",),
        tables=(_measured_table(measured, {}),),
        details={"mode": "recorded", **_record(measured)},
    )


def compared(
    measured: Record, baseline: Record, comparisons: Sequence[Comparison], stored: Path
) -> Verdict:
    """Say how this run compares with the last one of the same machine."""
    answer = worst(each.answer for each in comparisons)
    answers = [each.answer for each in comparisons]
    counted = ", ".join(
        f"{answers.count(each)} {each}" for each in ("pass", "inconclusive", "fail")
    )
    refused = () if answer == "pass" else (REFUSED,)
    origin = (
        f"The baseline is {stored.as_posix()}: commit {baseline.commit}, {baseline.created}, "
        f"load {_load(baseline.load)}; load now {_load(measured.load)}."
    )
    return Verdict(
        GATE,
        answer,
        f"{len(answers)} benchmark{'' if len(answers) == 1 else 's'} compared with the last run on this machine: "
        f"{counted}.",
        notes=(
            *(f"{each.name}: {each.answer}, {each.reason}." for each in comparisons if each.answer != "pass"),
            *differences(measured.names, baseline.names),
            origin,
            *refused,
        ),
        tables=(_measured_table(measured, {each.name: each for each in comparisons}),),
        details={
            "mode": "compared",
            **_record(measured),
            "comparisons": [asdict(each) for each in comparisons],
        },
    )  # fmt: skip


def judged(
    decisions: Sequence[Decision],
    counted: Mapping[str, Counted],
    notes: Sequence[str],
    *,
    commit: str,
    seed: int,
    seconds: float,
) -> Verdict:
    """Say how HEAD compares with the base."""
    answer = worst(each.answer for each in decisions)
    return Verdict(
        GATE,
        answer,
        _headline(decisions, commit),
        notes=(*(_note(each, counted) for each in decisions if each.answer != "pass"),
               *(_counted_note(each, counted) for each in decisions if _only_counted(each, counted)),
               *notes,
               f"Seed {seed}; {seconds:.0f} s."),
        tables=(_decided_table(decisions, counted),),
        details={
            "mode": "against",
            "base": commit,
            "seed": seed,
            "seconds": round(seconds, 1),
            "benchmarks": [_decided(each, counted) for each in decisions],
        },
    )  # fmt: skip


def _headline(decisions: Sequence[Decision], commit: str) -> str:
    slower = [each.name for each in decisions if each.answer == "fail"]
    unclear = [each.name for each in decisions if each.answer == "inconclusive"]
    base = commit[:SHORT]
    if slower:
        return f"Slower than {base}: {', '.join(slower)}."
    if unclear:
        return (
            f"Whether HEAD is slower than {base} cannot be told for {', '.join(unclear)}: ask again when the machine "
            "is quieter."
        )
    faster = [each.name for each in decisions if each.judgement.change.high < 1]
    also = f" Faster: {', '.join(faster)}." if faster else ""
    return f"No benchmark is slower than {base} by its tolerance.{also}"


def _note(decision: Decision, counted: Mapping[str, Counted]) -> str:
    judgement = decision.judgement
    found = f"{_percent(judgement.change)} over {judgement.rounds} rounds"
    if decision.answer == "fail":
        said = f"slower: {found}, measured a second time on fresh processes."
    elif judgement.state == "noisy":
        said = f"the machine is too noisy: the base differs from itself by {_percent(judgement.noise)}."
    else:
        said = f"not decided: {found}, tolerance {decision.tolerance:.1%}."
    extra = ""
    if decision.name in counted:
        extra = f" It takes {counted[decision.name].ratio - 1:+.1%} instructions."
    return f"{decision.name}: {said}{extra}"


def _only_counted(decision: Decision, counted: Mapping[str, Counted]) -> bool:
    """Whether instructions rose where the time says pass."""
    return (
        decision.answer == "pass"
        and decision.name in counted
        and counted[decision.name].ratio > 1 + decision.tolerance
    )


def _counted_note(decision: Decision, counted: Mapping[str, Counted]) -> str:
    return (
        f"{decision.name}: passes by its time, and takes {counted[decision.name].ratio - 1:+.1%} instructions; "
        "instructions alone never fail a benchmark."
    )


def _percent(change: Interval) -> str:
    return f"{change.ratio - 1:+.1%} ({change.low - 1:+.1%} to {change.high - 1:+.1%})"


def _decided_table(decisions: Sequence[Decision], counted: Mapping[str, Counted]) -> Table:
    heading = (
        "benchmark",
        "base",
        "HEAD",
        "change",
        "95 % interval",
        "base to base",
        "rounds",
        "tolerance",
    )
    more = ("instructions",) if counted else ()
    rows = []
    for each in decisions:
        change, noise = each.judgement.change, each.judgement.noise
        row = (
            each.name,
            readable(median(one.base for one in each.rounds)),
            readable(median(one.head for one in each.rounds)),
            f"{change.ratio - 1:+.1%}",
            f"{change.low - 1:+.1%} to {change.high - 1:+.1%}",
            f"{noise.ratio - 1:+.1%}",
            f"{each.first.rounds}+{each.judgement.rounds}"
            if each.confirmed
            else str(each.first.rounds),
            f"{each.tolerance:.1%}",
        )
        one = counted.get(each.name)
        extra = (f"{one.ratio - 1:+.1%}" if one else "-",) if counted else ()
        rows.append((*row, *extra, each.answer))
    return Table("HEAD against the base", ((*heading, *more, "answer"), *rows))


def _round(one: Round) -> dict[str, object]:
    """Write the seconds of a round, and its ratios as such instead of as logarithms."""
    return {
        "base": one.base,
        "head": one.head,
        "again": one.again,
        "change": math.exp(one.change),
        "noise": math.exp(one.noise),
    }


def _decided(decision: Decision, counted: Mapping[str, Counted]) -> dict[str, object]:
    one = counted.get(decision.name)
    return {
        "name": decision.name,
        "answer": decision.answer,
        "state": decision.judgement.state,
        "confirmed": decision.confirmed,
        "tolerance": decision.tolerance,
        "change": asdict(decision.judgement.change),
        "noise": asdict(decision.judgement.noise),
        "first": asdict(decision.first),
        "rounds": [_round(each) for each in decision.rounds],
        "instructions": {**asdict(one), "ratio": one.ratio} if one else None,
    }


def _measured_table(measured: Record, answers: Mapping[str, Comparison]) -> Table:
    heading = ("benchmark", "minimum", "median", "rounds", "speed", "ratio", "answer")
    return Table(
        "Measured",
        (
            heading,
            *(
                (
                    one.name,
                    readable(one.minimum),
                    readable(one.median),
                    str(one.rounds),
                    speed(one.median),
                    f"{answers[one.name].ratio:.2f}" if one.name in answers else "-",
                    answers[one.name].answer if one.name in answers else "-",
                )
                for one in measured.measurements
            ),
        ),
    )


def _record(measured: Record) -> dict[str, object]:
    return {
        "machine": asdict(measured.machine),
        "commit": measured.commit,
        "load": measured.load,
        # Without the single calls, which pytest-benchmark keeps: there may be thousands.
        "benchmarks": [
            {
                "name": one.name,
                "minimum": one.minimum,
                "median": one.median,
                "rounds": one.rounds,
            }
            for one in measured.measurements
        ],
    }


def _load(load: float | None) -> str:
    return "unknown" if load is None else f"{load:.1f}"
