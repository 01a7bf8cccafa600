"""The command line of the benchmark gate: what it stores, prints and exits with.

The rules of comparison themselves are tested on recorded runs by the backend's suite, in
`tests/quality/test_performance_baseline.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from shakeproof.gates.benchmark import main

Measure: TypeAlias = Callable[..., Path]

BASELINE = "baseline.json"


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    """Give a function that writes a report of pytest-benchmark with these minima, in seconds."""

    def write(*, cpu: str = "A CPU", **minima: float) -> Path:
        report = {
            "machine_info": {
                "machine": "x86_64",
                "system": "Linux",
                "python_implementation": "CPython",
                "python_version": "3.11.7",
                "cpu": {"brand_raw": cpu},
            },
            "benchmarks": [
                {
                    "fullname": f"test_it.py::{name}",
                    "stats": {"min": seconds, "median": 2 * seconds, "rounds": 10},
                }
                for name, seconds in minima.items()
            ],
            "datetime": "2026-11-20T12:00:00+00:00",
        }
        path = tmp_path / "measured.json"
        path.write_text(json.dumps(report), encoding="utf-8")
        return path

    return write


def check(measured: Path, *options: str) -> int:
    """Run the gate against the baseline beside the report."""
    baseline = measured.with_name(BASELINE)
    return main(["check", str(measured), "--baseline", str(baseline), *options])


def stored(measured: Path) -> dict[str, float]:
    """Return the minima in the baseline beside the report."""
    document = json.loads(measured.with_name(BASELINE).read_text(encoding="utf-8"))
    return {name: one["minimum"] for name, one in document["benchmarks"].items()}


def test_the_first_run_is_stored_and_says_so(
    measure: Measure, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a baseline nothing is compared, and nobody is told otherwise."""
    measured = measure(test_a=0.5)

    assert check(measured) == 0
    assert stored(measured) == {"test_it.py::test_a": 0.5}
    assert "Nothing was compared." in capsys.readouterr().out
    assert {path.name for path in measured.parent.iterdir()} == {BASELINE, "measured.json"}


@pytest.mark.parametrize(("seconds", "status"), [(0.5, 0), (0.8, 0), (1.5, 1)])
def test_the_second_run_is_compared_and_not_stored(
    measure: Measure, seconds: float, status: int
) -> None:
    """A comparison leaves the baseline as it was, so that slowness cannot creep in."""
    check(measure(test_a=0.5))

    measured = measure(test_a=seconds)

    assert check(measured) == status
    assert stored(measured) == {"test_it.py::test_a": 0.5}


def test_the_table_names_each_benchmark_with_its_answer(
    measure: Measure, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reader sees every benchmark: times, speed category, ratio and answer."""
    check(measure(test_a=0.05, test_b=0.2))
    capsys.readouterr()

    check(measure(test_a=0.05, test_b=0.5))

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["test_it.py::test_a", "50", "ms", "100", "ms", "10", "medium", "1.00", "pass"] in lines
    assert ["test_it.py::test_b", "500", "ms", "1", "s", "10", "slow", "2.50", "fail"] in lines


def test_a_page_about_no_comparison_says_so_before_its_numbers(
    measure: Measure, tmp_path: Path
) -> None:
    """On a machine without a baseline, as in a fresh clone, green must not read as "fast enough"."""
    reports = tmp_path / "reports"

    check(measure(test_a=0.5), "--report", str(reports))
    first = (reports / "summary.md").read_text(encoding="utf-8")
    check(measure(test_a=0.5), "--report", str(reports))
    second = (reports / "summary.md").read_text(encoding="utf-8")

    assert first.startswith("# Benchmarks\n\n**Nothing was compared.** ")
    assert second.startswith("# Benchmarks\n\n| benchmark ")


def test_a_page_about_another_machine_says_so_before_its_numbers(
    measure: Measure, tmp_path: Path
) -> None:
    """Numbers that stand beside those of another machine answer nothing, and the page says it first."""
    reports = tmp_path / "reports"
    check(measure(test_a=0.5))

    check(measure(test_a=0.5, cpu="Another CPU"), "--report", str(reports))

    page = (reports / "summary.md").read_text(encoding="utf-8")
    assert page.startswith("# Benchmarks\n\n**Nothing was decided.** ")


def test_an_update_replaces_the_baseline_and_compares_nothing(measure: Measure) -> None:
    """With --update a slower run with other benchmarks becomes the new baseline."""
    check(measure(test_a=0.5))

    measured = measure(test_b=5.0)

    assert check(measured, "--update") == 0
    assert stored(measured) == {"test_it.py::test_b": 5.0}


def test_another_machine_is_green_but_not_silent(
    measure: Measure, capsys: pytest.CaptureFixture[str]
) -> None:
    """An inconclusive comparison exits 0 and prints in what the machines differ."""
    check(measure(test_a=0.5))
    capsys.readouterr()

    assert check(measure(test_a=5.0, cpu="Another CPU")) == 0
    said = capsys.readouterr().out
    assert "1 inconclusive" in said
    assert "cpu was 'A CPU' and is 'Another CPU'" in said


def test_a_vanished_benchmark_exits_2_and_is_named(
    measure: Measure, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that only the baseline has is an error, also when all others pass."""
    check(measure(test_a=0.5, test_b=0.5))

    assert check(measure(test_a=0.5)) == 2
    assert "test_it.py::test_b is in the baseline and was not measured" in capsys.readouterr().out


def test_no_report_at_all_is_nothing_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """pytest-benchmark writes no file when it measured nothing, which is not a pass."""
    assert check(tmp_path / "measured.json") == 4
    assert "was not written" in capsys.readouterr().err
    assert not (tmp_path / BASELINE).exists()


def test_an_empty_report_is_never_stored(measure: Measure) -> None:
    """An empty baseline would pass whatever comes later, so none is made."""
    measured = measure()

    assert check(measured, "--update") == 4
    assert not measured.with_name(BASELINE).exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{half", "is not JSON"),
        ("[]", "is not a JSON object"),
        ('{"schema": "shakeproof.benchmarks/0"}', "schema"),
        ('{"schema": "shakeproof.benchmarks/1", "benchmarks": {}}', "holds no benchmark"),
        ('{"schema": "shakeproof.benchmarks/1", "benchmarks": {"a": {}}}', "'machine'"),
    ],
)
def test_a_damaged_baseline_exits_2_with_one_sentence(
    measure: Measure, capsys: pytest.CaptureFixture[str], content: str, sentence: str
) -> None:
    """Whatever is wrong with the stored file is said, and the file is left alone."""
    measured = measure(test_a=0.5)
    measured.with_name(BASELINE).write_text(content, encoding="utf-8")

    assert check(measured) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert measured.with_name(BASELINE).read_text(encoding="utf-8") == content


@pytest.mark.parametrize("baseline", ["file/baseline.json", "folder"])
def test_a_baseline_that_cannot_be_written_exits_2(
    measure: Measure, tmp_path: Path, baseline: str
) -> None:
    """A failure to store is an error and leaves nothing half written behind."""
    measured = measure(test_a=0.5)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()

    status = main(["check", str(measured), "--baseline", str(tmp_path / baseline), "--update"])

    assert status == 2
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder", "measured.json"}


def test_the_report_folder_gets_numbers_and_a_page(measure: Measure, tmp_path: Path) -> None:
    """What was printed is kept for programs and for people."""
    check(measure(test_a=0.5))

    check(measure(test_a=1.5), "--report", str(tmp_path / "reports"))

    report = json.loads((tmp_path / "reports" / "report.json").read_text(encoding="utf-8"))
    page = (tmp_path / "reports" / "summary.md").read_text(encoding="utf-8")
    assert (report["schema"], report["exit_status"]) == ("shakeproof.benchmark-report/1", 1)
    assert [(one["name"], one["answer"]) for one in report["comparisons"]] == [
        ("test_it.py::test_a", "fail")
    ]
    assert "| test_it.py::test_a | 1.5 s | 3 s | 10 | slow | 3.00 | fail |" in page


def test_a_wrong_command_line_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    """Usage errors have the status that the other errors have."""
    with pytest.raises(SystemExit) as exit_:
        main(["check"])

    assert exit_.value.code == 2
    assert "MEASURED.json" in capsys.readouterr().err
