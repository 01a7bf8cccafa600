"""The coverage gate's judgement: what is measured, changed and hidden, and what makes a measurement unbelievable."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import coverage
import coverage.config
import pytest
from coverages import GOOD, HELD, NOWHERE, SETTINGS, file

from shakeproof.errors import NothingToJudgeError, ShakeproofError
from shakeproof.gates.coverage.core import C_TRACER, MONITORING, candidates, choose
from shakeproof.gates.coverage.evidence import (
    check_complete,
    check_files,
    check_run,
    read_witness,
)
from shakeproof.gates.coverage.judging import Since, verdict
from shakeproof.gates.coverage.measured import Figures, File, read_report, total
from shakeproof.gates.coverage.pragmas import PRAGMA, pragmas
from shakeproof.gates.coverage.sources import python_files, read_source
from shakeproof.gates.coverage.worst import holes, linked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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


HIDING = """\
def whole(x, why="# pragma: no cover"):
    return x

def decides(x):
    if x:  # pragma: no branch
        return 1
    y = (
        x  #PRAGMA:NO  COVER
    )
    return y  # a pragma that says: no cover
"""


def test_what_hides_code_from_coverage_is_what_counts(tmp_path: Path) -> None:
    """coverage.py itself is asked: it looks at lines, and a text in the head of a function hides all of it."""
    path = tmp_path / "a.py"
    path.write_text(HIDING, encoding="utf-8")
    measuring = coverage.Coverage(data_file=None, config_file=False, branch=True)
    hidden = set(measuring.analysis2(str(path))[2])

    assert [one.line for one in pragmas({"a.py": HIDING})] == [1, 5, 8]
    assert {1, 2, 7} <= hidden


def test_what_coverage_takes_for_a_pragma_is_taken_for_one() -> None:
    """Whatever the spelling, and over the end of a line: its patterns are ours."""
    theirs = "|".join((coverage.config.DEFAULT_EXCLUDE[0], *coverage.config.DEFAULT_PARTIAL))
    pragma = PRAGMA.pattern.replace("(?:", "(")

    assert "(cover|COVER|branch|BRANCH)" in pragma
    assert theirs == "|".join(
        pragma.replace("(cover|COVER|branch|BRANCH)", one)
        for one in ("(cover|COVER)", "(branch|BRANCH)")
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (b"# coding: latin-1\nx = '\xe9'\n", "# coding: latin-1\nx = '\u00e9'\n"),
    ],
    ids=["byte order mark", "latin-1"],
)
def test_a_source_file_is_read_in_its_own_encoding(
    tmp_path: Path, content: bytes, text: str
) -> None:
    (tmp_path / "a.py").write_bytes(content)

    assert read_source(tmp_path / "a.py") == text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"x = '\xe9'\n", "as Python"),
        (b"# coding: nonsense\n", "as Python"),
        (b"x = (\n", "as Python"),
        (b"x = '\0'\n", "as Python"),
        (None, "No such file"),
    ],
)
def test_a_source_file_that_cannot_be_read_is_an_error_that_names_it(
    tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    """Nobody could say what of it has to run."""
    path = tmp_path / "a.py"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ShakeproofError, match=rf"a\.py cannot be read.*{sentence}"):
        read_source(path)


def test_what_no_project_writes_itself_is_not_looked_for(tmp_path: Path) -> None:
    """Hidden folders and environments are not the project's, even where the source is all of it."""
    for name in (".nox/a.py", "env/pyvenv.cfg", "env/lib/b.py", "pkg/c.py", "d.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert list(python_files(tmp_path, ".")) == ["d.py", "pkg/c.py"]


def test_more_pragmas_than_the_cap_fail() -> None:
    """The sentence says where they are."""
    hidden = tuple(pragmas({"pkg/a.py": "x = 1  # pragma: no cover\n"}))

    answer = verdict("coverage-gate", SETTINGS, [GOOD], ratchet=HELD, since=NOWHERE, hidden=hidden)

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


def test_a_place_on_the_page_is_a_link() -> None:
    """It leads from the folder of the page to the file, whatever its name; nothing else changes, nor does it twice."""
    page = "# a: pass\n\nsee pkg/a.py:3\n| place | lines |\n| --- | ---: |\n| pkg/a b.py:12 | 3 |\n| pkg/a.py | 3/3 |\n"

    made = linked(page, "../..")

    assert made == page.replace("| pkg/a b.py:12 |", "| [pkg/a b.py:12](../../pkg/a%20b.py#L12) |")
    assert linked(made, "../..") == made


def test_no_commit_to_compare_with_is_inconclusive_and_not_green() -> None:
    """A shallow clone does not pass for a change that is tested."""
    answer = verdict("coverage-gate", SETTINGS, [GOOD], ratchet=HELD, since=Since(None), hidden=())

    assert (answer.answer, answer.exit_status) == ("inconclusive", 5)
    assert "--against" in answer.sentence


def test_the_report_has_every_hole_and_the_page_the_worst() -> None:
    """A long list is cut for people and whole for programs, and says so."""
    files = [file(f"pkg/core/{number:02}.py", 100, 99, 0, 0) for number in range(25)]

    answer = verdict("coverage-gate", SETTINGS, files, ratchet=HELD, since=NOWHERE, hidden=())

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
    ("document", "who"),
    [
        ({**witness(), "core": None}, "the process that ran the tests"),
        (witness(gw0={"data": True, "core": "CTracer"}, gw1={"data": True, "core": None}), "gw1"),
    ],
)
def test_a_process_in_which_nothing_measured_is_an_error(
    document: dict[str, object], who: str
) -> None:
    """What its tests cover is not in the report."""
    with pytest.raises(ShakeproofError, match=f"Nothing measured in {who} when the tests began"):
        read_witness(document)


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (lambda: check_run(1), "did not pass"),
        (lambda: check_run(4), "did not understand"),
        (lambda: check_run(5), "No test was collected"),
        (lambda: check_run(1, " of the sample", "in a.log"), "of the sample did not .* in a.log"),
        (lambda: check_run(4, " of the sample", "in a.log"), "asked to run of the sample"),
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
    chosen = choose((C_TRACER,), {})
    assert (chosen.core, "before Python 3.14" in chosen.why) == (C_TRACER, True)


def test_without_a_sample_the_reason_is_not_the_python() -> None:
    """From Python 3.14 on there is another core: it was not tried."""
    chosen = choose((C_TRACER, MONITORING), {})

    assert chosen.core == C_TRACER
    assert chosen.why == "pyproject.toml names no sample by which to compare it with another"


@pytest.mark.parametrize(
    ("monitoring", "core"), [([9.0, 0.5], MONITORING), ([0.96, 2.0], C_TRACER), ([3.0], C_TRACER)]
)
def test_the_faster_core_by_its_least_time_measures(monitoring: list[float], core: str) -> None:
    """One slow run decides nothing, and a hair's breadth is no reason to leave the C tracer."""
    choice = choose((C_TRACER, MONITORING), {C_TRACER: [1.0, 5.0], MONITORING: monitoring})

    assert choice.core == core
    assert "1.00 s with the C tracer" in choice.why


def test_nothing_adds_up_to_nothing() -> None:
    """The figures of no file are those of a file without code, but for the number of files."""
    assert total([]) == Figures()
