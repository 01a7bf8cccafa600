"""The performance baseline: its shape, the speed categories and the rules of comparison.

Judged on recorded data, never on the clock: `data/measured.json` is a trimmed report of
pytest-benchmark 5.3.1, `data/baseline.json` what it stored of an earlier run of the same benchmarks
on the same machine.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks.baseline import DOUBTFUL, FAILING, check_names, compare
from shakeproof.gates.benchmarks.measured import (
    Machine,
    Record,
    Speed,
    machine_differences,
    read_measured,
    speed,
)
from shakeproof.gates.documents import read_object

if TYPE_CHECKING:
    from shakeproof.gates.verdict import Answer

DATA = Path(__file__).parent / "data"
PARSING = "test_recorded.py::test_parsing"


@pytest.fixture
def measured() -> Record:
    """Read what was recorded, anew for each test."""
    return read_measured(read_object(DATA / "measured.json"))


@pytest.fixture
def baseline() -> Record:
    """Read what was stored, anew for each test."""
    return read_measured(read_object(DATA / "baseline.json"))


def slowed(record: Record, factor: float) -> Record:
    """Return the same record with each minimum `factor` times as long."""
    return replace(
        record,
        measurements=tuple(
            replace(one, minimum=one.minimum * factor) for one in record.measurements
        ),
    )


def without(record: Record, name: str) -> Record:
    """Return the same record without one benchmark."""
    kept = tuple(one for one in record.measurements if one.name != name)
    return replace(record, measurements=kept)


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


def test_a_stored_run_tells_its_commit_and_how_busy_the_machine_was(baseline: Record) -> None:
    """A baseline says which code it is of, and whether its times can be trusted."""
    assert (baseline.commit, baseline.load, baseline.processors) == ("971d69500000", 0.7, 2)
    assert not baseline.busy
    assert replace(baseline, load=2.1).busy
    assert not replace(baseline, load=2.1, processors=None).busy


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
    assert {comparison.answer for comparison in compare(measured, baseline)} == {"pass"}
    assert machine_differences(measured.machine, baseline.machine) == ()


@pytest.mark.parametrize(
    ("factor", "answer"),
    [
        (0.5, "pass"),
        (DOUBTFUL - 0.01, "pass"),
        (DOUBTFUL + 0.01, "inconclusive"),
        (FAILING - 0.01, "inconclusive"),
        (FAILING + 0.01, "fail"),
    ],
)
def test_the_ratio_of_the_minima_decides(baseline: Record, factor: float, answer: Answer) -> None:
    """Up to 1.25 times the baseline passes, from twice on fails, between is inconclusive."""
    comparisons = compare(slowed(baseline, factor), baseline)

    assert {comparison.answer for comparison in comparisons} == {answer}


def test_a_slower_median_alone_is_noise(baseline: Record) -> None:
    """Noise adds time to most rounds, so only the minimum speaks about the code."""
    noisy = replace(
        baseline,
        measurements=tuple(replace(one, median=one.median * 9) for one in baseline.measurements),
    )

    assert {comparison.answer for comparison in compare(noisy, baseline)} == {"pass"}


def test_on_a_busy_machine_nothing_fails(baseline: Record) -> None:
    """Where others had the processors, a long time says nothing about the code."""
    busy = replace(slowed(baseline, 9), load=17.7)

    assert {comparison.answer for comparison in compare(busy, baseline)} == {"inconclusive"}


def test_one_slow_benchmark_fails_and_is_named(baseline: Record) -> None:
    """A single failure among passes is told from them."""
    measured = replace(
        baseline,
        measurements=tuple(
            replace(one, minimum=one.minimum * 3) if one.name == PARSING else one
            for one in baseline.measurements
        ),
    )

    failed = [one.name for one in compare(measured, baseline) if one.answer == "fail"]
    assert failed == [PARSING]


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
def test_another_machine_is_told_apart(baseline: Record, part: dict[str, str]) -> None:
    """What seconds depend on beside the code is looked at, the CPU included."""
    different = machine_differences(replace(baseline.machine, **part), baseline.machine)

    assert [next(iter(part.values())) in reason for reason in different] == [True]


def test_two_unknown_processors_are_not_taken_for_the_same(baseline: Record) -> None:
    """Where the CPU has no name, nothing shows that the machine is the same one."""
    unknown = replace(baseline.machine, cpu="unknown")

    assert machine_differences(unknown, unknown) == ("the cpu could not be identified",)


def test_a_benchmark_that_vanished_is_an_error(baseline: Record) -> None:
    """A deleted benchmark does not turn the gate green, unless somebody says so."""
    measured = without(baseline, PARSING)

    with pytest.raises(ShakeproofError, match=f"{PARSING} of the baseline was not measured"):
        check_names(measured, baseline, accept_new=False)
    check_names(measured, baseline, accept_new=True)


def test_a_benchmark_nobody_announced_is_an_error(baseline: Record) -> None:
    """A new benchmark has nothing to be compared with, and the gate says so."""
    with pytest.raises(ShakeproofError, match=f"{PARSING} was measured and not in the baseline"):
        check_names(baseline, without(baseline, PARSING), accept_new=False)
    check_names(baseline, without(baseline, PARSING), accept_new=True)


def test_a_renamed_benchmark_is_an_error(baseline: Record) -> None:
    """The old name and the new one are both told."""
    renamed = replace(
        baseline,
        measurements=tuple(
            replace(one, name="test_recorded.py::test_reading") if one.name == PARSING else one
            for one in baseline.measurements
        ),
    )

    with pytest.raises(ShakeproofError, match=r"test_parsing .*test_reading .*renamed"):
        check_names(renamed, baseline, accept_new=False)


def test_nothing_in_common_is_an_error_whatever_is_accepted(baseline: Record) -> None:
    """Comparing with nothing would pass whatever was measured."""
    with pytest.raises(ShakeproofError, match="No benchmark was measured that the baseline has"):
        check_names(replace(baseline, measurements=()), baseline, accept_new=True)


def test_a_report_without_a_benchmark_is_an_error() -> None:
    """When nothing was measured, nothing has passed."""
    raw = json.loads((DATA / "measured.json").read_text(encoding="utf-8"))

    with pytest.raises(ShakeproofError, match="No benchmark was measured"):
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
