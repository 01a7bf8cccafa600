"""The performance baseline: its shape, the speed categories and the rules of comparison.

Judged on recorded data, never on the clock: `data/measured.json` is a trimmed report of
pytest-benchmark 5.3.1, `data/baseline.json` what was stored after an earlier run of the same
benchmarks on the same machine.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from shakeproof.errors import NothingToJudgeError, ShakeproofError
from shakeproof.gates.benchmark import (
    DOUBTFUL,
    FAILING,
    Answer,
    Machine,
    Record,
    Speed,
    baseline_document,
    compare,
    read_baseline,
    read_measured,
    speed,
)
from shakeproof.gates.documents import read_object

DATA = Path(__file__).parent / "data"
PARSING = "test_recorded.py::test_parsing"


@pytest.fixture
def measured() -> Record:
    """Read what was recorded, anew for each test."""
    return read_measured(read_object(DATA / "measured.json"))


@pytest.fixture
def baseline() -> Record:
    """Read what was stored, anew for each test."""
    return read_baseline(read_object(DATA / "baseline.json"))


def slowed(record: Record, factor: float) -> Record:
    """Return the same record with each minimum `factor` times as long."""
    return replace(
        record,
        measurements=tuple(
            replace(one, minimum=one.minimum * factor) for one in record.measurements
        ),
    )


def test_the_stored_baseline_names_its_schema_machine_and_benchmarks() -> None:
    """The file on disk has exactly the documented shape."""
    document = json.loads((DATA / "baseline.json").read_text(encoding="utf-8"))

    assert document["schema"] == "shakeproof.benchmarks/1"
    assert set(document) == {"schema", "created", "machine", "benchmarks"}
    assert set(document["machine"]) == {"cpu", "architecture", "system", "python"}
    assert {frozenset(one) for one in document["benchmarks"].values()} == {
        frozenset({"minimum", "median", "rounds"})
    }


def test_a_report_of_pytest_benchmark_keeps_name_times_rounds_and_machine(
    measured: Record,
) -> None:
    """Of a report there remain the numbers that are compared and the machine they hold for."""
    raw = json.loads((DATA / "measured.json").read_text(encoding="utf-8"))
    expected = {
        one["fullname"]: (one["stats"]["min"], one["stats"]["median"], one["stats"]["rounds"])
        for one in raw["benchmarks"]
    }

    assert {one.name: (one.minimum, one.median, one.rounds) for one in measured.measurements} == (
        expected
    )
    assert measured.machine == Machine(
        cpu="AMD EPYC", architecture="x86_64", system="Linux", python="CPython 3.11.7"
    )


def test_what_is_stored_reads_back_as_what_was_measured(measured: Record) -> None:
    """A baseline loses nothing of the record it was made from."""
    stored = json.loads(json.dumps(baseline_document(measured)))

    assert read_baseline(stored) == measured


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(1e-9, "fast"), (0.0999, "fast"), (0.1, "medium"), (0.9999, "medium"), (1.0, "slow")],
)
def test_a_tenth_of_a_second_is_medium_and_a_second_is_slow(
    seconds: float, expected: Speed
) -> None:
    """Each limit belongs to the slower category."""
    assert speed(seconds) == expected


def test_two_recorded_runs_of_the_same_code_pass(measured: Record, baseline: Record) -> None:
    """Two runs of unchanged code on one machine raise no alarm."""
    verdict = compare(measured, baseline)

    assert {comparison.answer for comparison in verdict.comparisons} == {"pass"}
    assert (verdict.errors, verdict.elsewhere, verdict.exit_status) == ((), (), 0)


@pytest.mark.parametrize(
    ("factor", "answer", "status"),
    [
        (0.5, "pass", 0),
        (DOUBTFUL - 0.01, "pass", 0),
        (DOUBTFUL + 0.01, "inconclusive", 0),
        (FAILING - 0.01, "inconclusive", 0),
        (FAILING + 0.01, "fail", 1),
    ],
)
def test_the_ratio_of_the_minima_decides(
    baseline: Record, factor: float, answer: Answer, status: int
) -> None:
    """Up to 1.25 times the baseline passes, from twice on fails, between is inconclusive."""
    verdict = compare(slowed(baseline, factor), baseline)

    assert {comparison.answer for comparison in verdict.comparisons} == {answer}
    assert verdict.exit_status == status


def test_a_slower_median_alone_is_noise(baseline: Record) -> None:
    """Noise adds time to most rounds, so only the minimum speaks about the code."""
    noisy = replace(
        baseline,
        measurements=tuple(replace(one, median=one.median * 9) for one in baseline.measurements),
    )

    assert compare(noisy, baseline).exit_status == 0


def test_one_slow_benchmark_fails_and_is_named(baseline: Record) -> None:
    """A single failure among passes fails the whole comparison."""
    measured = replace(
        baseline,
        measurements=tuple(
            replace(one, minimum=one.minimum * 3) if one.name == PARSING else one
            for one in baseline.measurements
        ),
    )

    verdict = compare(measured, baseline)

    assert [one.name for one in verdict.comparisons if one.answer == "fail"] == [PARSING]
    assert verdict.exit_status == 1


@pytest.mark.parametrize(
    "part",
    [
        {"cpu": "Another CPU"},
        {"architecture": "aarch64"},
        {"system": "Darwin"},
        {"python": "CPython 3.14.0"},
    ],
    ids=lambda part: next(iter(part)),
)
def test_another_machine_gives_no_answer_and_says_why(
    baseline: Record, part: dict[str, str]
) -> None:
    """Seconds from different machines are never a pass nor a failure, however they compare."""
    machine = replace(baseline.machine, **part)

    verdict = compare(replace(slowed(baseline, 9), machine=machine), baseline)

    assert {comparison.answer for comparison in verdict.comparisons} == {"inconclusive"}
    assert [next(iter(part.values())) in reason for reason in verdict.elsewhere] == [True]


def test_two_unknown_processors_are_not_taken_for_the_same(baseline: Record) -> None:
    """Where the CPU has no name, nothing shows that the machine is the same one."""
    unknown = replace(baseline, machine=replace(baseline.machine, cpu="unknown"))

    verdict = compare(unknown, unknown)

    assert {comparison.answer for comparison in verdict.comparisons} == {"inconclusive"}
    assert verdict.elsewhere == ("the cpu could not be identified",)


def test_a_benchmark_that_vanished_is_an_error(baseline: Record) -> None:
    """A renamed or deleted benchmark does not turn the gate green."""
    measured = replace(
        baseline, measurements=tuple(one for one in baseline.measurements if one.name != PARSING)
    )

    verdict = compare(measured, baseline)

    assert [PARSING in error for error in verdict.errors] == [True]
    assert verdict.exit_status == 2


def test_a_benchmark_nobody_announced_is_an_error(baseline: Record) -> None:
    """A new benchmark has nothing to be compared with, and the gate says so."""
    older = replace(
        baseline, measurements=tuple(one for one in baseline.measurements if one.name != PARSING)
    )

    verdict = compare(baseline, older)

    assert [PARSING in error for error in verdict.errors] == [True]
    assert verdict.exit_status == 2


def test_an_empty_baseline_is_an_error() -> None:
    """Comparing with nothing would pass whatever was measured."""
    stored = json.loads((DATA / "baseline.json").read_text(encoding="utf-8"))

    with pytest.raises(ShakeproofError, match="holds no benchmark"):
        read_baseline({**stored, "benchmarks": {}})


def test_a_report_without_a_benchmark_is_nothing_to_judge() -> None:
    """When nothing was measured, nothing has passed."""
    raw = json.loads((DATA / "measured.json").read_text(encoding="utf-8"))

    with pytest.raises(NothingToJudgeError, match="No benchmark was measured"):
        read_measured({**raw, "benchmarks": []})


def test_a_name_measured_twice_is_an_error() -> None:
    """Two benchmarks of one name could hide each other."""
    raw = json.loads((DATA / "measured.json").read_text(encoding="utf-8"))

    with pytest.raises(ShakeproofError, match="measured twice"):
        read_measured({**raw, "benchmarks": raw["benchmarks"] * 2})


@pytest.mark.parametrize("impossible", [0, -1.0, float("nan"), float("inf"), None, "1", True])
def test_a_time_no_clock_can_have_measured_is_an_error(impossible: object) -> None:
    """A ratio of impossible times would be a number all the same."""
    raw = json.loads((DATA / "measured.json").read_text(encoding="utf-8"))
    raw["benchmarks"][0]["stats"]["min"] = impossible

    with pytest.raises(ShakeproofError, match="positive number of seconds"):
        read_measured(raw)
