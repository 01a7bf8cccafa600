"""The coverage gate's judgement: floors, ratchet, changes, pragmas, and what makes a measurement unbelievable."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import coverage
import coverage.config
import pytest
from coverages import HELD, SETTINGS, file
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
from shakeproof.gates.coverage.pragmas import PRAGMA, pragmas
from shakeproof.gates.coverage.ratchet import (
    FILE,
    Notch,
    lowered,
    raise_ratchet,
    read_ratchet,
    write_ratchet,
)
from shakeproof.gates.coverage.settings import Settings, read_settings
from shakeproof.gates.coverage.sources import python_files, read_source
from shakeproof.gates.coverage.worst import holes, linked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

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
    package, _ = floors.judge([measured, file("pkg/other.py")], SETTINGS, HELD)

    assert (not package.faults) is passed


def test_a_package_is_every_file_below_its_folder_and_no_other() -> None:
    """Sub-packages count, neighbours whose name begins alike do not, the source is all of it."""
    files = [file("pkg/core/a.py"), file("pkg/core/deep/b.py"), file("pkg/core_extra/c.py")]

    package, whole = floors.judge(files, SETTINGS, HELD)

    assert (package.figures.files, whole.figures.files) == (2, 3)


def test_a_package_without_a_file_is_an_error() -> None:
    """A renamed package does not pass for want of files."""
    with pytest.raises(ShakeproofError, match="no file of 'pkg/core'"):
        floors.judge([file("pkg/other.py")], SETTINGS, HELD)


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
    package, _ = floors.judge([GOOD], SETTINGS, {**HELD, "pkg/core": notch})

    assert len(package.faults) == faults


def test_falling_below_the_ratchet_fails_above_the_floor() -> None:
    """90 % is above the floor of 80 %, and once it was 95 %; each figure has a sentence."""
    slipped = file("pkg/core/a.py", 100, 90, 100, 90)

    package, _ = floors.judge([slipped], SETTINGS, {**HELD, "pkg/core": Notch(95, 95)})

    assert [fault.split(":")[1].split(" fell")[0] for fault in package.faults] == [
        " coverage",
        " coverage of branches",
    ]


def test_what_the_ratchet_holds_is_judged_without_a_floor() -> None:
    """Taking a package out of the settings does not let it fall; what other suites reached is theirs to judge."""
    ratchet = {
        **HELD,
        "pkg/api": Notch(95, 95),
        "pkg_extra": Notch(100, 100),
        "other": Notch(100, 100),
    }

    found = floors.judge([GOOD, file("pkg/api/b.py", 100, 90)], SETTINGS, ratchet)

    assert {one.name: bool(one.faults) for one in found} == {
        "pkg/core": False,
        "pkg/api": True,
        "pkg": False,
    }
    assert found[-1].name == "pkg"


@pytest.mark.parametrize("lost", ["pkg", "pkg/core"])
def test_a_missing_entry_of_the_ratchet_is_a_fault(lost: str) -> None:
    """Deleting it is no way to fall, and a new package is held from the first day on."""
    ratchet = {name: notch for name, notch in HELD.items() if name != lost}

    answer = verdict("coverage-gate", SETTINGS, [GOOD], ratchet=ratchet, since=NOWHERE, hidden=())

    assert answer.answer == "fail"
    assert answer.sentence == (
        f"{lost}: the ratchet has no entry, so nothing keeps it from falling: put it in with `-- --raise`."
    )


def test_a_package_that_only_the_ratchet_knows_and_that_is_gone_is_an_error() -> None:
    """It was renamed: the sentence names the file that has to follow."""
    with pytest.raises(
        ShakeproofError, match=r"'pkg/old': correct the name in coverage-ratchet\.toml"
    ):
        floors.judge([GOOD], SETTINGS, {**HELD, "pkg/old": Notch(1, 1)})


def test_the_whole_as_a_package_has_the_higher_floor() -> None:
    """Named under `packages` as well, the source is not held to less than it says there."""
    high = Settings(suite="pkg", source="pkg", packages={"pkg": 95.0}, total=80.0)

    (whole,) = floors.judge([file("pkg/a.py", 100, 90)], high, {"pkg": Notch(0, 0)})

    assert whole.floor == 95.0


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


def settings(folders: Collection[str] = (), /, **table: object) -> Settings:
    """Read these settings, in a project that has these folders."""
    pyproject = {"tool": {"shakeproof": {"coverage": {"pkg": table}}}}
    return read_settings(pyproject, "pkg", folders.__contains__)


def test_settings_name_packages_by_folder_or_by_import() -> None:
    """Both are the same package."""
    read = settings(source="pkg", packages={"pkg.core": 90, "pkg/api": 91.5})

    assert read.packages == {"pkg/core": 90.0, "pkg/api": 91.5}
    assert (read.total, read.changed, read.pragmas) == (80.0, 95.0, 0)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        (".", "."),
        ("./", "."),
        ("./pkg", "pkg"),
        ("pkg/", "pkg"),
        ("pkg//core/../api", "pkg/api"),
        ("pkg\\core", "pkg/core"),
        ("my.dir", "my.dir"),
        ("pkg.core", "pkg/core"),
        ("./not.there", "not.there"),
        (".hidden", ".hidden"),
    ],
)
def test_a_source_is_a_folder_of_the_project(name: str, folder: str) -> None:
    """However it is written; dots are those of an import only where no folder is called so."""
    assert settings(["my.dir"], source=name).source == folder


def test_the_project_itself_is_all_of_it() -> None:
    """Not the root of the file system, whose name without a slash is as empty."""
    everything = Settings(suite="all", source=".")
    files = [file("a.py", 10, 10), file("pkg/b.py", 10, 9)]

    (whole,) = floors.judge(files, everything, {".": Notch(0, 0)})

    assert (whole.name, whole.figures.files, whole.faults) == (".", 2, ())


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"source": "pkg", "total": 79.9}, "80 % is the floor nobody may lower"),
        ({"source": ""}, "without a name"),
        ({"source": 3}, "write a text"),
        ({"source": "/"}, "not a folder below"),
        ({"source": "/pkg"}, "not a folder below"),
        ({"source": "../pkg"}, "not a folder below"),
        ({"source": "pkg", "packages": {"..": 90}}, "not a folder below"),
        ({"source": "pkg", "pytest": "-q"}, "write a list of texts"),
        ({"source": "pkg", "packages": {"pkg": 101}}, "write a percentage"),
        ({"source": "pkg", "packages": 3}, "write a table"),
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
        read_settings({"tool": {"shakeproof": {"coverage": {"b": {}}}}}, "pkg", bool)


def test_nothing_adds_up_to_nothing() -> None:
    """The figures of no file are those of a file without code, but for the number of files."""
    assert total([]) == Figures()


def test_this_repositorys_own_settings_are_good() -> None:
    """Both suites are judged, and the ratchet holds only what is judged."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    suites = [
        read_settings(pyproject, suite, lambda name: (ROOT / name).is_dir())
        for suite in ("backend", "engine")
    ]

    judged_ = {name for one in suites for name in (one.source, *one.packages)}
    assert all((ROOT / name).is_dir() for name in judged_)
    assert read_ratchet((ROOT / FILE).read_text(encoding="utf-8")).keys() <= judged_
