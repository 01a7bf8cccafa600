"""The suite's cost on small suites that are run for real."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from costs import run as made_up

from shakeproof.errors import NothingToJudgeError, ShakeproofError
from shakeproof.gates import pages
from shakeproof.gates.cost.arms import SERIAL, Arm, parallel
from shakeproof.gates.cost.command import main
from shakeproof.gates.cost.judging import verdict
from shakeproof.gates.cost.running import Bounds, Measured, auto_workers, measure, run_once
from shakeproof.gates.cost.settings import Settings
from shakeproof.gates.machine import Machine

if TYPE_CHECKING:
    from pathlib import Path

PYPROJECT = """\
[tool.pytest.ini_options]
addopts = ["-p", "no:cacheprovider"]
markers = ["property: laws"]

[tool.shakeproof.suite-cost]
each = { property = LIMIT }
kinds = ["property"]
source = "."
"""
TESTS = """\
import pytest


@pytest.fixture
def outer(request):
    return request.getfixturevalue("inner")


@pytest.fixture(scope="module")
def inner():
    return 3


@pytest.mark.property
def test_law(outer):
    assert outer == 3


@pytest.mark.parametrize("number", range(3))
def test_plain(number):
    assert number < 3
"""
SLOW = """\
import pytest

pytestmark = pytest.mark.property


def test_quick():
    assert sum(range(10)) == 45


def test_slow():
    assert sum(range(20_000_000)) > 0
"""
MACHINE = Machine("a CPU", 2, "Linux", "3.11")
ONE_PROCESS = Arm(SERIAL, ("-p", "no:randomly", "-n", "0"))

pytestmark = pytest.mark.usefixtures("no_outer_variables")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write a small suite."""
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT.replace("LIMIT", "30"), encoding="utf-8")
    (folder / "test_small.py").write_text(TESTS, encoding="utf-8")
    (folder / "page.md").write_text(f"{pages.BEGIN}\n{pages.END}\n", encoding="utf-8")
    return folder


def test_one_process_shows_phases_marks_and_fixtures(root: Path, tmp_path: Path) -> None:
    """A fixture's time is its own, without that of the one it asks for."""
    run = run_once(ONE_PROCESS, (), root, tmp_path)

    assert (run.tests[0].test, run.tests[0].marks) == (
        "test_small.py::test_law",
        frozenset({"property"}),
    )
    assert run.tests[1].marks == frozenset({"parametrize"})
    assert len(run.tests) == 4
    assert {(one.name, one.scope, one.times) for one in run.fixtures} >= {
        ("outer", "function", 1),
        ("inner", "module", 1),
    }
    assert {name for name, _ in run.tests[0].fixtures} >= {"outer", "inner"}
    assert run.ready is None
    assert 0 < run.collected <= run.first <= run.seconds


def test_marks_are_markers_and_no_names(root: Path, tmp_path: Path) -> None:
    """A folder, a module or a function called like a marker marks nothing; what a conftest.py marks counts."""
    (root / "property").mkdir()
    (root / "property" / "test_plain.py").write_text("def test_a(): pass\n", encoding="utf-8")
    (root / "conftest.py").write_text(
        "def pytest_collection_modifyitems(items):\n"
        "    for item in items:\n"
        "        if item.name == 'test_b':\n"
        "            item.add_marker('property')\n",
        encoding="utf-8",
    )
    (root / "test_small.py").write_text(
        "def test_b(): pass\ndef property(): pass\ndef test_property(): pass\n", encoding="utf-8"
    )

    run = run_once(ONE_PROCESS, (), root, tmp_path)

    assert {test.test: test.marks for test in run.tests} == {
        "property/test_plain.py::test_a": frozenset(),
        "test_small.py::test_b": frozenset({"property"}),
        "test_small.py::test_property": frozenset(),
    }


@pytest.mark.parametrize(
    ("hook", "arguments", "expected"),
    [("", (), 5), ("7", (), 7), ("7", ("--maxprocesses=3",), 3)],
    ids=["a variable", "a hook of the suite", "an option"],
)
def test_xdist_itself_says_how_many_workers_auto_makes(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    hook: str,
    arguments: tuple[str, ...],
    expected: int,
) -> None:
    """Whatever decides it, and however many cores there are; no test is run for it."""
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "5")
    (root / "test_small.py").write_text("raise RuntimeError('imported')\n", encoding="utf-8")
    if hook:
        text = f"def pytest_xdist_auto_num_workers(config):\n    return {hook}\n"
        (root / "conftest.py").write_text(text, encoding="utf-8")

    assert auto_workers(arguments, root) == expected


def test_without_xdist_nobody_can_say_what_auto_makes(root: Path) -> None:
    """Pytest's own words say what is wrong."""
    with pytest.raises(ShakeproofError, match="how many workers -n auto makes") as raised:
        auto_workers(("-p", "no:xdist"), root)

    assert "unrecognized arguments" in str(raised.value)


def test_workers_show_when_they_were_there(root: Path, tmp_path: Path) -> None:
    """Before the tests were collected, which was before the first report."""
    run = run_once(Arm(parallel(2), ("-p", "no:randomly", "-n", "2"), 2), (), root, tmp_path)

    assert run.ready is not None
    assert 0 < run.ready <= run.collected <= run.first <= run.seconds
    assert len(run.tests) == 4


def test_a_red_suite_is_an_error_with_its_last_lines(root: Path, tmp_path: Path) -> None:
    """Tests that fail take another time than those that pass."""
    (root / "test_small.py").write_text("def test_it():\n    assert 1 == 2\n", encoding="utf-8")

    with pytest.raises(ShakeproofError, match="red when it is run as 'serial'") as raised:
        run_once(ONE_PROCESS, (), root, tmp_path)

    assert "1 failed" in str(raised.value)


def test_a_selection_of_nothing_is_an_error(root: Path, tmp_path: Path) -> None:
    """Nothing that costs."""
    with pytest.raises(NothingToJudgeError, match="No test was collected"):
        run_once(ONE_PROCESS, ("-k", "nothing"), root, tmp_path)


def test_no_run_is_started_that_would_end_too_late(root: Path) -> None:
    """The first round is made as long as any time is left; a further one is not begun when the last took longer."""
    ticks = iter([0.0, 0.0, 99.99, 99.99, 99.99])
    said: list[str] = []

    measured = measure(
        [ONE_PROCESS], (), root, Bounds(2, 100.0), say=said.append, clock=lambda: next(ticks)
    )

    assert list(measured.of(SERIAL)) == [0]
    assert said[-1] == "round 2 of 2: no time is left for serial"


def test_a_trial_shows_that_it_works_and_judges_nothing(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 0, however long the few tests take."""
    (root / "test_small.py").write_text(SLOW, encoding="utf-8")
    (root / "pyproject.toml").write_text(PYPROJECT.replace("LIMIT", "0.001"), encoding="utf-8")

    status = main(["--root", str(root), "--out", str(tmp_path / "out"), "--quick"])

    said = capsys.readouterr()
    assert (status, "round 1 of 1: serial took" in said.err) == (0, True)
    assert "suite-cost: pass. It works; what a few tests took once tells nothing" in said.out
    assert json.loads((tmp_path / "out/history.jsonl").read_text("utf-8"))["extent"] == "trial"


def test_one_round_decides_nothing_and_is_written_down(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 5; report, page and log have the numbers, and the log grows by a line a run."""
    out = tmp_path / "out"

    once = ("--rounds", "1", "--write", "page.md")
    status = main(["--root", str(root), "--out", str(out), *once])

    said = capsys.readouterr()
    assert (status, json.loads((out / "report.json").read_text("utf-8"))["verdict"]) == (
        5,
        "inconclusive",
    )
    assert "round 1 of 1: serial took" in said.err
    assert "after 1 of at least 3 runs" in said.out
    assert "**inconclusive**" in (root / "page.md").read_text(encoding="utf-8")
    assert len((out / "history.jsonl").read_text(encoding="utf-8").splitlines()) == 1


def test_a_slow_test_makes_it_red(root: Path) -> None:
    """Three real rounds in one process: a law that counts for long is over its limit, and the quick one is not blamed.

    The same rounds are green where the limit is high. The runs with workers are made up: no limit of theirs is missed.
    """
    (root / "test_small.py").write_text(SLOW, encoding="utf-8")
    serial = measure([ONE_PROCESS], (), root, Bounds(3, 600.0), say=lambda _: None).of(SERIAL)
    quick = {parallel(n): {number: made_up("", 0.1) for number in range(3)} for n in (1, 2, 3, 4)}
    real = Measured({SERIAL: serial, **quick}, auto=2)

    strict = verdict(Settings(each={"property": 0.02}), MACHINE, real, ())
    lenient = verdict(Settings(each={"property": 100.0}), MACHINE, real, ())

    assert (strict.answer, lenient.answer) == ("fail", "pass")
    assert strict.sentence.startswith("each of 2 property tests: ")
    assert "the slowest is test_small.py::test_slow" in strict.sentence
    assert "more above" not in strict.sentence


@pytest.mark.parametrize(
    ("arguments", "name", "sentence"),
    [
        (["--write", "nowhere.md"], "", "nowhere.md cannot be read"),
        (["--write", "--quick"], "", "--write is for what the whole suite costs"),
        (["--write", "page.md", "--", "test_small.py"], "", "--write is for what the whole suite"),
        (["--quick", "--rounds", "3"], "", "--quick is one round, whatever --rounds says"),
        (["--write", "bare.md"], "bare.md", "bare.md: The page has no place"),
        ([], "pyproject.toml", "is not TOML"),
        ([], "out/history.jsonl/a folder", "history.jsonl cannot be read: Is a directory"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_measured(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], name: str, sentence: str
) -> None:
    """Nobody waits for minutes to hear it."""
    if name:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("nonsense", encoding="utf-8")

    status = main(["--root", str(root), "--out", str(root / "out"), *arguments])

    said = capsys.readouterr().err
    assert status == 2
    assert sentence in said
    assert "round 1" not in said


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
def test_a_budget_is_some_seconds(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--out", "out", "--budget", seconds])
    assert ended.value.code == 2
    assert f"'{seconds}' is not a number of seconds above 0" in capsys.readouterr().err


@pytest.mark.parametrize("rounds", ["0", "-1", "many"])
def test_rounds_are_a_number_from_one_up(rounds: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Anything else is refused."""
    with pytest.raises(SystemExit) as raised:
        main(["--out", "nowhere", "--rounds", rounds])

    assert raised.value.code == 2
    assert "is not a number from 1 up" in capsys.readouterr().err
