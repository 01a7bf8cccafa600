"""The coverage gate's judgement: floors, ratchet, changes, pragmas, and what makes a measurement unbelievable."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from coverages import SETTINGS, file
from hypothesis import given
from hypothesis import strategies as st

from shakeproof.errors import NothingToJudgeError, ShakeproofError
from shakeproof.gates.coverage import floors
from shakeproof.gates.coverage.core import C_TRACER, MONITORING, candidates, choose
from shakeproof.gates.coverage.evidence import (
    check_complete,
    check_files,
    check_run,
    read_witness,
)
from shakeproof.gates.coverage.judging import Since, verdict
from shakeproof.gates.coverage.measured import Figures, File, read_report, total
from shakeproof.gates.coverage.pragmas import pragmas
from shakeproof.gates.coverage.ratchet import (
    FILE,
    Notch,
    lowered,
    raise_ratchet,
    read_ratchet,
    write_ratchet,
)
from shakeproof.gates.coverage.settings import Settings, read_settings
from shakeproof.gates.coverage.worst import holes

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
NOWHERE = Since("0" * 40)
GOOD = file("pkg/core/a.py")


def entry(**overrides: object) -> dict[str, object]:
    """Return what `coverage json` writes of one file, as far as the gate reads it."""
    return {
        "executed_lines": [1, 2],
        "missing_lines": [],
        "excluded_lines": [3],
        "executed_branches": [[1, 2]],
        "missing_branches": [[1, -1]],
        **overrides,
    }


def report(*, branches: object = True, **files: object) -> dict[str, object]:
    """Return a report with these files."""
    return {"meta": {"branch_coverage": branches}, "files": files}


def test_a_report_is_read_line_by_line() -> None:
    """Every line and branch is kept, paths have forward slashes, files are in order."""
    read = read_report(report(**{"pkg\\b.py": entry(), "pkg/a.py": entry(executed_lines=[])}))

    assert [one.path for one in read] == ["pkg/a.py", "pkg/b.py"]
    assert read[1].figures == Figures(1, 2, 2, 2, 1, 1)


@pytest.mark.parametrize("files", [{}, {"a.py": entry(executed_lines=[])}], ids=["none", "zero"])
def test_a_report_without_data_is_nothing_to_judge(files: dict[str, object]) -> None:
    """No file, or no line executed, means that the tests were not measured."""
    with pytest.raises(NothingToJudgeError, match="no data"):
        read_report(report(**files))


def test_a_report_without_branches_is_an_error() -> None:
    """Line coverage alone would look better than it is."""
    with pytest.raises(ShakeproofError, match="without branches"):
        read_report(report(branches=False, **{"a.py": entry()}))


@pytest.mark.parametrize(
    "document",
    [
        {},
        report(**{"a.py": []}),
        report(**{"a.py": entry(executed_lines=None)}),
        report(**{"a.py": entry(missing_lines=["1"])}),
        report(**{"a.py": entry(executed_branches=None)}),
        report(**{"a.py": entry(missing_branches=[[1]])}),
    ],
)
def test_another_kind_of_file_is_refused(document: dict[str, object]) -> None:
    """What coverage did not write is not guessed at."""
    with pytest.raises(ShakeproofError):
        read_report(document)


@pytest.mark.parametrize(
    ("measured", "passed"),
    [
        (file("pkg/core/a.py", 100, 80, 100, 80), True),
        (file("pkg/core/a.py", 10_000, 7_999, 10_000, 8_000), False),
        (file("pkg/core/a.py", 100, 100, 100, 79), False),
        (file("pkg/core/a.py", 100, 60, 0, 0), False),
        (file("pkg/core/a.py", 100, 80, 0, 0), True),
        (file("pkg/core/a.py", 0, 0, 0, 0), True),
    ],
    ids=["at the floor", "a hair below", "branches below", "lines below", "no branches", "empty"],
)
def test_both_figures_must_reach_the_floor(measured: File, *, passed: bool) -> None:
    """Lines with branches, and branches alone, are each held to the floor without rounding."""
    package, _ = floors.judge([measured, file("pkg/other.py")], SETTINGS, {})

    assert (not package.faults) is passed


def test_a_package_is_every_file_below_its_folder_and_no_other() -> None:
    """Sub-packages count, neighbours whose name begins alike do not, the source is all of it."""
    files = [file("pkg/core/a.py"), file("pkg/core/deep/b.py"), file("pkg/core_extra/c.py")]

    package, whole = floors.judge(files, SETTINGS, {})

    assert (package.figures.files, whole.figures.files) == (2, 3)


def test_a_package_without_a_file_is_an_error() -> None:
    """A renamed package does not pass for want of files."""
    with pytest.raises(ShakeproofError, match="no file of 'pkg/core'"):
        floors.judge([file("pkg/other.py")], SETTINGS, {})


def test_what_is_below_the_floor_is_never_shown_as_the_floor() -> None:
    """Figures are rounded down: 79.9999 % reads 79.99 %."""
    assert floors.shown(79.9999) == "79.99 %"


@pytest.mark.parametrize(
    ("notch", "faults"),
    [
        (Notch(100, 100), 0),
        (Notch(0, 0), 0),
    ],
)
def test_the_ratchet_holds_what_was_reached(notch: Notch, faults: int) -> None:
    """At the ratchet is enough."""
    package, _ = floors.judge([GOOD], SETTINGS, {"pkg/core": notch})

    assert len(package.faults) == faults


def test_falling_below_the_ratchet_fails_above_the_floor() -> None:
    """90 % is above the floor of 80 %, and once it was 95 %; each figure has a sentence."""
    slipped = file("pkg/core/a.py", 100, 90, 100, 90)

    package, _ = floors.judge([slipped], SETTINGS, {"pkg/core": Notch(95, 95)})

    assert [fault.split(":")[1].split(" fell")[0] for fault in package.faults] == [
        " coverage",
        " coverage of branches",
    ]


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 50), st.integers(0, 50))
def test_raising_never_lowers(coverage: int, branches: int, lines: int, taken: int) -> None:
    """Whatever was measured, no figure of the ratchet falls, and what is written is read back."""
    before = {"pkg": Notch(coverage, branches), "other": Notch(50, 50)}
    reached = file("pkg/a.py", 50, lines, 50, taken).figures

    after = raise_ratchet(before, {"pkg": reached, "new": reached})

    assert list(lowered(before, after)) == []
    assert after["other"] == Notch(50, 50)
    assert after["new"].coverage <= reached.percent <= after["new"].coverage + 1
    assert read_ratchet(write_ratchet(after)) == after


def test_a_hand_that_lowers_the_ratchet_is_named() -> None:
    """An entry that fell, and one that is gone, are both said."""
    before = {"a": Notch(90, 90), "b": Notch(80, 80), "c": Notch(70, 70)}

    said = list(lowered(before, {"a": Notch(90, 89), "c": Notch(71, 70)}))

    assert ["a was 90 % and 90 %" in said[0], "b was 80 %" in said[1], len(said)] == [True, True, 2]


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "a = 1",
        "[a]\ncoverage = 1",
        "[a]\ncoverage = 1\nbranches = 101",
        "[a]\ncoverage = 1\nbranches = true",
        "[a]\ncoverage = 1\nbranches = 1\nmore = 1",
    ],
)
def test_a_damaged_ratchet_is_refused(text: str) -> None:
    """A figure that cannot be read would hold nothing."""
    with pytest.raises(ShakeproofError, match="coverage-ratchet"):
        read_ratchet(text)


def test_only_comments_that_are_pragmas_count() -> None:
    """In a text, the same words hide nothing; `no branch` hides as `no cover` does."""
    source = 'x = "# pragma: no cover"\nif x:  # pragma: no branch\n    y  #pragma:no cover\n'

    assert [one.line for one in pragmas({"a.py": source})] == [2, 3]


def test_a_file_that_is_not_python_is_refused() -> None:
    """Its pragmas could not be counted."""
    with pytest.raises(ShakeproofError, match=r"a\.py cannot be read as Python"):
        list(pragmas({"a.py": "x = (\n"}))


def test_more_pragmas_than_the_cap_fail() -> None:
    """The sentence says where they are."""
    hidden = tuple(pragmas({"pkg/a.py": "x = 1  # pragma: no cover\n"}))

    answer = verdict("coverage-gate", SETTINGS, [GOOD], ratchet={}, since=NOWHERE, hidden=hidden)

    assert answer.answer == "fail"
    assert "1 pragmas hide code from the count, and 0 may (pkg/a.py:1)" in answer.sentence


def test_the_largest_hole_comes_first() -> None:
    """A stretch ends where a line ran; a decision that went one way is a hole of its own."""
    measured = File(
        "a.py",
        ran=frozenset({1, 5}),
        missing=frozenset({2, 3, 7}),
        taken=frozenset({(1, 5)}),
        not_taken=frozenset({(1, 2), (5, -1), (3, 7), (3, 2)}),
    )

    assert [(one.link, one.what) for one in holes([measured])] == [
        ("a.py:2", "2 lines never run"),
        ("a.py:1", "never goes on to line 2"),
        ("a.py:5", "never goes on to its end"),
        ("a.py:7", "never runs"),
    ]


def test_no_commit_to_compare_with_is_inconclusive_and_not_green() -> None:
    """A shallow clone does not pass for a change that is tested."""
    answer = verdict("coverage-gate", SETTINGS, [GOOD], ratchet={}, since=Since(None), hidden=())

    assert (answer.answer, answer.exit_status) == ("inconclusive", 5)
    assert "--against" in answer.sentence


def test_the_report_has_every_hole_and_the_page_the_worst() -> None:
    """A long list is cut for people and whole for programs, and says so."""
    files = [file(f"pkg/core/{number:02}.py", 100, 99, 0, 0) for number in range(25)]

    answer = verdict("coverage-gate", SETTINGS, files, ratchet={}, since=NOWHERE, hidden=())

    holes_ = answer.details["holes"]
    assert isinstance(holes_, list)
    assert len(holes_) == 25
    assert answer.tables[-1].title == "Not covered, the most first (5 more in report.json)"
    assert len(answer.tables[-1].rows) == 21
    json.dumps(answer.details)


def witness(**workers: object) -> dict[str, object]:
    """Return what the plugin writes."""
    return {"tests": 3, "status": 0, "core": "CTracer", "workers": workers}


def test_the_core_is_the_one_that_measured_in_the_workers() -> None:
    """Without workers it is the one of the process itself."""
    worker = {"data": True, "core": "SysMonitor"}

    assert read_witness(witness(gw0=worker, gw1=worker)).cores == ("SysMonitor",)
    assert read_witness(witness()).cores == ("CTracer",)


def test_a_worker_without_data_is_an_error() -> None:
    """pytest-cov says so on the terminal alone, and ends green."""
    with pytest.raises(ShakeproofError, match="data of gw1 was lost"):
        read_witness(witness(gw0={"data": True}, gw1={"data": False}))


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (lambda: check_run(1), "did not pass"),
        (lambda: check_run(4), "did not understand"),
        (lambda: check_run(5), "No test was collected"),
        (lambda: check_files(["coverage.json"], ".coverage"), "is not there after the tests"),
        (
            lambda: check_files([".coverage", ".coverage.x.1"], ".coverage"),
            "1 data files were lost",
        ),
        (
            lambda: check_complete(["a.py"], ["a.py", "b.py"]),
            r"b\.py is not in the coverage report",
        ),
    ],
)
def test_a_measurement_that_cannot_be_believed_is_an_error(
    check: Callable[[], None], sentence: str
) -> None:
    """Each has a sentence of its own."""
    with pytest.raises(ShakeproofError, match=sentence):
        check()


def test_a_whole_measurement_is_believed() -> None:
    """None of the checks stands in the way of an ordinary run."""
    check_run(0)
    check_files([".coverage", "coverage.json"], ".coverage")
    check_complete(["a.py", "b.py"], ["a.py"])


def test_before_python_3_14_there_is_no_choice_of_a_core() -> None:
    """sys.monitoring tells of branches from then on."""
    assert candidates((3, 13)) == (C_TRACER,)
    assert candidates((3, 14)) == (C_TRACER, MONITORING)
    assert choose({}).core == C_TRACER


@pytest.mark.parametrize(
    ("monitoring", "core"), [([9.0, 0.5], MONITORING), ([0.96, 2.0], C_TRACER), ([3.0], C_TRACER)]
)
def test_the_faster_core_by_its_least_time_measures(monitoring: list[float], core: str) -> None:
    """One slow run decides nothing, and a hair's breadth is no reason to leave the C tracer."""
    choice = choose({C_TRACER: [1.0, 5.0], MONITORING: monitoring})

    assert choice.core == core
    assert "1.00 s with the C tracer" in choice.why


def settings(**table: object) -> Settings:
    """Read these settings."""
    return read_settings({"tool": {"shakeproof": {"coverage": {"pkg": table}}}}, "pkg")


def test_settings_name_packages_by_folder_or_by_import() -> None:
    """Both are the same package."""
    read = settings(source="pkg", packages={"pkg.core": 90, "pkg/api": 91.5})

    assert read.packages == {"pkg/core": 90.0, "pkg/api": 91.5}
    assert (read.total, read.changed, read.pragmas) == (80.0, 95.0, 0)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"source": "pkg", "total": 79.9}, "80 % is the floor nobody may lower"),
        ({"source": ""}, "without a name"),
        ({"source": 3}, "write a text"),
        ({"source": "pkg", "pytest": "-q"}, "write a list of texts"),
        ({"source": "pkg", "packages": {"pkg": 101}}, "write a percentage"),
        ({"source": "pkg", "packages": 3}, "is no table"),
        ({"source": "pkg", "changed": True}, "write a percentage"),
        ({"source": "pkg", "pragmas": -1}, "write a count"),
        ({"source": "pkg", "flor": 80}, "knows no flor"),
    ],
)
def test_a_wrong_setting_is_told_in_a_sentence(table: dict[str, object], sentence: str) -> None:
    """Nothing is guessed, and nobody lowers the floor under the total."""
    with pytest.raises(ShakeproofError, match=sentence):
        settings(**table)


def test_a_suite_without_settings_is_named_with_those_that_have_some() -> None:
    """A wrong name does not judge nothing."""
    with pytest.raises(ShakeproofError, match=r"no \[tool.shakeproof.coverage.pkg\]; there is: b"):
        read_settings({"tool": {"shakeproof": {"coverage": {"b": {}}}}}, "pkg")


def test_nothing_adds_up_to_nothing() -> None:
    """The figures of no file are those of a file without code, but for the number of files."""
    assert total([]) == Figures()


def test_this_repositorys_own_settings_are_good() -> None:
    """Both suites are judged, and the ratchet holds only what is judged."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    suites = [read_settings(pyproject, suite) for suite in ("backend", "engine")]

    judged_ = {name for one in suites for name in (one.source, *one.packages)}
    assert all((ROOT / name).is_dir() for name in judged_)
    assert read_ratchet((ROOT / FILE).read_text(encoding="utf-8")).keys() <= judged_
