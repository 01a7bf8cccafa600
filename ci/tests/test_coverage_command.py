"""The coverage gate on small projects that are measured for real: green, red with the right sentence, or an error."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from coverages import BOTH, PRICE, RATCHET, fake_git, git, small_project

from shakeproof.errors import ShakeproofError
from shakeproof.gates.coverage.command import main
from shakeproof.gates.coverage.measuring import erase, time_cores
from shakeproof.gates.coverage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Ask = Callable[..., tuple[int, str]]

HALF = BOTH.partition("\n\ndef test_others")[0] + "\n"
DISCOUNT = PRICE.replace(
    "    return amount",
    "    if (\n        amount\n        > 100\n    ):\n        return 100\n    return amount",
)

pytestmark = pytest.mark.usefixtures("no_outer_variables")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a small project that is tested whole."""
    return small_project(tmp_path / "project")


@pytest.fixture
def ask(root: Path, capfd: pytest.CaptureFixture[str]) -> Ask:
    """Give a function that runs the gate, and returns its status and the last line it said."""

    def run(*arguments: str) -> tuple[int, str]:
        status = main(["pkg", "--root", str(root), "--out", str(root / "out"), *arguments])
        said = capfd.readouterr()
        written = (root / "out" / "summary.txt").read_text(encoding="utf-8")
        assert written.splitlines()[-1] in said.out + said.err
        return status, written.splitlines()[-1]

    return run


def change(root: Path, name: str, text: str) -> None:
    (root / name).write_text(text, encoding="utf-8")


def packages(root: Path) -> list[dict[str, object]]:
    found = document(root)["packages"]
    assert isinstance(found, list)
    return found


def document(root: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((root / "out" / "report.json").read_text("utf-8"))
    return found


def test_a_project_that_is_tested_whole_passes_in_workers_too(root: Path, ask: Ask) -> None:
    """All reports are there, and what measured is said."""
    status, sentence = ask("--", "-n", "2")

    assert status == 0, sentence
    assert "pkg is covered to 100.00 %, its branches to 100.00 %" in sentence
    assert "in 2 workers" in (root / "out" / "summary.md").read_text(encoding="utf-8")
    assert (root / "out" / "html" / "index.html").exists()
    assert (root / "out" / "coverage.json").exists()


def test_in_one_process_the_core_is_known_as_well(root: Path, ask: Ask) -> None:
    """pytest-cov stops measuring before the session ends: it was asked while it still did."""
    status, sentence = ask("--", "-p", "no:xdist")

    assert status == 0, sentence
    said = (root / "out" / "summary.txt").read_text(encoding="utf-8")
    assert "Measured with CTracer (" in said
    assert "2 tests in one process." in said


def test_an_untested_branch_fails_and_is_pointed_at(root: Path, ask: Ask) -> None:
    """A new decision, only half tested, is below the ratchet, and below what a change has to reach."""
    change(root, "pkg/fares.py", DISCOUNT)

    status, sentence = ask()

    assert status == 1
    assert sentence.startswith(
        "coverage-gate: fail. pkg: coverage fell to 80.00 %, and the ratchet"
    )
    changes = document(root)["changes"]
    assert isinstance(changes, dict)
    assert changes["percent"] == 50
    page = (root / "out" / "summary.md").read_text(encoding="utf-8")
    assert "begin at pkg/fares.py:7, which never goes on to line 11" in page
    assert "| [pkg/fares.py:11](../pkg/fares.py#L11) |" in page


def test_a_file_that_nobody_imports_counts_and_so_does_one_git_does_not_know(
    root: Path, ask: Ask
) -> None:
    """Forgetting a file does not make the project look better."""
    change(root, "pkg/unused.py", "def never():\n    return 1\n")

    status, _ = ask()

    assert status == 1
    text = (root / "out" / "summary.txt").read_text(encoding="utf-8")
    assert "pkg/unused.py:1" in text
    changes = document(root)["changes"]
    assert isinstance(changes, dict)
    assert [(one["path"], one["lines"]) for one in changes["files"]] == [("pkg/unused.py", 2)]


def test_what_a_subprocess_runs_is_counted(root: Path, ask: Ask) -> None:
    """A test that starts the program covers the program."""
    change(
        root,
        "tests/test_fares.py",
        HALF
        + "\n\nimport subprocess, sys\n\n\ndef test_others_pay_all():\n"
        + '    code = "from pkg.fares import price; price(4, False)"\n'
        + "    subprocess.run([sys.executable, '-c', code], check=True)\n",
    )

    assert ask()[0] == 0


def test_failing_tests_are_an_error(root: Path, ask: Ask) -> None:
    """What a red suite covers is no evidence."""
    change(root, "tests/test_fares.py", BOTH.replace("== 2", "== 3"))

    status, sentence = ask()

    assert status == 2
    assert "The tests did not pass (pytest ended with 1)" in sentence


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--", "--no-cov"), "The data file .coverage is not there"),
        (("--", "-k", "nothing"), "No test was collected"),
        (("--", "--no-such-option"), "did not understand"),
        (("--against", "nonsense"), "git knows no commit 'nonsense'"),
    ],
)
def test_no_data_is_an_error(ask: Ask, arguments: tuple[str, ...], sentence: str) -> None:
    """Nothing measured, nothing selected, nothing understood, nothing to compare with."""
    status, said = ask(*arguments)

    assert status == 2
    assert sentence in said


def test_old_data_is_never_judged(root: Path, ask: Ask) -> None:
    """What lies in the folder is erased first."""
    (root / "out").mkdir()
    for name in ("coverage.json", "witness.json", ".coverage", ".coverage.host.1"):
        (root / "out" / name).touch()

    status, sentence = ask("--", "--no-cov")

    assert status == 2
    assert ".coverage is not there" in sentence


def test_nothing_is_erased_that_coverage_did_not_write(root: Path) -> None:
    """The folder of the reports may be the project's own, or anybody's."""
    names = (".coverage", ".coverage.host.1", ".coverage-sample.host.1", "coverage.json")
    for name in (*names, ".coveragerc", ".coverage-notes"):
        (root / name).touch()
    (root / ".coverage-x").mkdir()
    (root / ".coverage.d").mkdir()
    before = {path.name for path in root.iterdir()}

    erase(root)

    assert {path.name for path in root.iterdir()} == before - set(names)


def test_a_folder_of_pages_that_coverage_did_not_make_is_left_alone(root: Path, ask: Ask) -> None:
    """Its own from the last time is made anew; another one called so is in the way."""
    assert ask()[0] == 0
    (root / "out" / "html" / "old.html").touch()
    assert ask()[0] == 0
    assert not (root / "out" / "html" / "old.html").exists()

    (root / "out" / "html" / ".gitignore").unlink()
    status, sentence = ask()
    assert (status, "html is there, and coverage.py did not make it" in sentence) == (2, True)
    assert (root / "out" / "html" / "index.html").exists()


def test_what_cannot_be_erased_is_named(tmp_path: Path) -> None:
    (tmp_path / "witness.json").mkdir()

    with pytest.raises(ShakeproofError, match=r"witness\.json is in the way"):
        erase(tmp_path)


def test_the_project_itself_can_be_the_source(root: Path, ask: Ask) -> None:
    """All that is in it is measured, and nothing outside it."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    change(root, "pyproject.toml", text.replace('source = "pkg"', 'source = "."'))
    change(root, "coverage-ratchet.toml", RATCHET + RATCHET.replace("pkg", "."))
    (root / ".hidden").mkdir()
    change(root, ".hidden/a.py", "x = (\n")

    status, sentence = ask("--against", "HEAD")

    assert status == 2  # it is new, and was not measured
    assert ".hidden/a.py changed and is not in the coverage report" in sentence
    (root / ".hidden" / "a.py").unlink()
    status, sentence = ask()
    assert status == 0, sentence
    assert ". is covered to 100.00 %" in sentence
    assert [one["name"] for one in packages(root)] == ["pkg", "."]


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbfdef never():\n    return 1\n", b"# coding: latin-1\nNAME = '\xe9'\n"],
    ids=["byte order mark", "latin-1"],
)
def test_a_source_file_in_another_encoding_is_judged(root: Path, ask: Ask, content: bytes) -> None:
    """Nobody imports it, and it is new: all of it has to run."""
    (root / "pkg" / "other.py").write_bytes(content)

    status, _ = ask()

    assert status == 1
    assert "pkg/other.py:" in (root / "out" / "summary.txt").read_text(encoding="utf-8")


def test_a_lost_data_file_is_an_error(root: Path, ask: Ask) -> None:
    """A file of one process that cannot be combined was that process's part of the report."""
    change(
        root,
        "tests/conftest.py",
        "import os, pathlib\n\n\ndef pytest_unconfigure():\n"
        "    pathlib.Path(os.environ['COVERAGE_FILE'] + '.late.1').touch()\n",
    )

    status, sentence = ask()

    assert status == 2
    assert "1 data files were lost (.coverage.late.1)" in sentence


def test_a_worker_that_gives_no_data_back_is_an_error(root: Path, ask: Ask) -> None:
    """pytest-cov names it on the terminal, and the run is green."""
    change(
        root,
        "tests/conftest.py",
        "import pytest\n\n\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_sessionfinish(session):\n    yield\n"
        "    if getattr(session.config, 'workerinput', {}).get('workerid') == 'gw1':\n"
        "        del session.config.workeroutput['cov_worker_node_id']\n",
    )

    status, sentence = ask("--", "-n", "2")

    assert status == 2
    assert "The data of gw1 was lost" in sentence


def test_where_there_is_a_choice_the_sample_runs_under_each_core(root: Path) -> None:
    """Each gets its seconds, and no data of the sample is left to be judged."""
    settings = Settings(suite="pkg", source="pkg", sample=("tests/test_fares.py",))
    (root / "out").mkdir()

    seconds = time_cores(("ctrace", "pytrace"), settings, root, root / "out", rounds=1)

    assert {core: len(times) for core, times in seconds.items()} == {"ctrace": 1, "pytrace": 1}
    assert list((root / "out").glob(".coverage*")) == []
    assert time_cores(("ctrace",), settings, root, root / "out") == {}


def test_a_red_sample_says_where_its_output_is(root: Path) -> None:
    """The terminal showed nothing of it."""
    change(root, "tests/test_fares.py", "def test_it(): assert 0")
    settings = Settings(suite="pkg", source="pkg", sample=("tests/test_fares.py",))
    (root / "out").mkdir()

    with pytest.raises(ShakeproofError, match=r"tests of the sample did not pass.*sample\.log"):
        time_cores(("ctrace", "pytrace"), settings, root, root / "out", rounds=1)


def test_a_folder_that_coverage_passes_over_is_an_error(root: Path, ask: Ask) -> None:
    """coverage.py looks for files nobody imported in packages alone."""
    (root / "pkg" / "deep").mkdir()
    change(root, "pkg/deep/lost.py", "x = 1\n")

    status, sentence = ask()

    assert status == 2
    assert "pkg/deep/lost.py is not in the coverage report" in sentence


def test_a_lost_ratchet_is_an_error_before_any_test_runs(root: Path, ask: Ask) -> None:
    """Deleting the file is no way to fall."""
    (root / "coverage-ratchet.toml").unlink()

    status, sentence = ask()

    assert status == 2
    assert "nothing keeps coverage from falling" in sentence
    assert not (root / "out" / "coverage.json").exists()


def test_a_project_that_has_no_ratchet_yet_gets_one(root: Path, ask: Ask) -> None:
    (root / "coverage-ratchet.toml").unlink()

    status, sentence = ask("--raise")

    assert status == 0, sentence
    text = (root / "coverage-ratchet.toml").read_text(encoding="utf-8")
    assert "coverage = 99\nbranches = 99\n" in text


def test_a_lost_entry_of_the_ratchet_fails_until_it_is_put_in(root: Path, ask: Ask) -> None:
    """Other entries do not stand for it."""
    change(root, "coverage-ratchet.toml", RATCHET.replace("pkg", "other"))

    status, sentence = ask()
    assert status == 1
    assert "pkg: the ratchet has no entry" in sentence

    assert ask("--raise")[0] == 0
    assert ask()[0] == 0


def test_what_runs_elsewhere_does_not_count_and_that_is_said(root: Path, ask: Ask) -> None:
    change(root, "pkg/plugin.py", "X = 1\n")
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    change(root, "pyproject.toml", text + 'elsewhere = ["pkg/plug*.py"]\n')

    status, sentence = ask()

    assert status == 0, sentence
    said = (root / "out" / "summary.txt").read_text(encoding="utf-8")
    assert "in processes that nothing measures: 1 files (pkg/plugin.py)." in said


def test_a_source_without_python_files_is_an_error_before_any_test_runs(
    root: Path, ask: Ask
) -> None:
    """It is a name that was misspelt: coverage.py would say no more than that it has no data."""
    change(root, "tests/test_fares.py", "raise SystemExit(99)")
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    change(root, "pyproject.toml", text.replace('source = "pkg"', 'source = "docs"'))

    status, sentence = ask()

    assert status == 2
    assert "There is no Python file below docs" in sentence


def test_a_suite_that_imports_nothing_of_the_source_is_an_error(root: Path, ask: Ask) -> None:
    """coverage.py then says that it measured no branches, which is not what has to be mended."""
    (root / "pkg" / "__init__.py").unlink()
    change(root, "tests/test_fares.py", "def test_nothing():\n    pass\n")

    status, sentence = ask()

    assert status == 2
    assert "no line of any file was executed" in sentence


def test_the_ratchet_is_raised_and_not_lowered(root: Path, ask: Ask) -> None:
    """`--raise` writes what was reached where that is more; whoever lowered it is named."""
    change(root, "coverage-ratchet.toml", RATCHET.replace("branches = 100", "branches = 50"))

    status, _ = ask("--raise")

    assert status == 0
    assert "coverage = 100\nbranches = 99\n" in (root / "coverage-ratchet.toml").read_text(
        encoding="utf-8"
    )
    text = (root / "out" / "summary.txt").read_text(encoding="utf-8")
    assert "pkg was 100 % and 100 % at the merge base and is 100 % and 50 % now" in text


def test_outside_a_repository_there_is_nothing_to_compare_with(
    root: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The floors and the ratchet hold all the same; that nothing else was judged is said."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(root.parent))
    (root / ".git").rename(root / "elsewhere")

    status, sentence = ask()

    assert status == 0
    assert "what changed was not judged: there is no git repository here" in sentence


def test_in_a_repository_without_main_what_changed_cannot_be_told(root: Path, ask: Ask) -> None:
    """As in a shallow clone: that is not green."""
    git(root, "branch", "--move", "main", "other")

    status, sentence = ask()

    assert status == 5
    assert "git knows no commit that HEAD and a main branch (origin/HEAD, origin/main," in sentence


def test_a_main_branch_of_another_name_is_named_in_the_settings(root: Path, ask: Ask) -> None:
    git(root, "branch", "--move", "main", "other")
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    change(root, "pyproject.toml", text + 'main = "other"\n')
    assert ask()[0] == 0

    change(root, "pyproject.toml", text + 'main = "another"\n')
    status, sentence = ask()
    assert (status, "commit that HEAD and another share" in sentence) == (5, True)


def test_a_repository_that_git_will_not_read_is_an_error_and_not_green(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container, where the checkout belongs to another user; and where there is no git at all."""
    folder = fake_git(tmp_path, "fatal: detected dubious ownership in repository at '/it'")
    monkeypatch.setenv("PATH", str(folder))
    status, sentence = ask()
    assert status == 2
    assert "because it belongs to another user" in sentence
    assert "(fatal: detected dubious ownership in repository at '/it')" in sentence

    (folder / "git").unlink()
    status, sentence = ask()
    assert (status, "git is not installed" in sentence) == (2, True)


def test_a_repository_without_commits_is_an_error(root: Path, ask: Ask) -> None:
    """There is one, and nothing to compare with: that is not the same as none."""
    shutil.rmtree(root / ".git")
    git(root, "init", "--quiet")

    status, sentence = ask()

    assert (status, "has no commit yet" in sentence) == (2, True)


def test_against_the_last_commit_only_what_changed_since_counts(root: Path, ask: Ask) -> None:
    """Uncommitted work is compared with the commit that was named."""
    change(root, "pkg/fares.py", PRICE.replace("/ 2", "/ 2.0"))
    git(root, "commit", "--quiet", "--all", "--message=more")
    change(root, "pkg/fares.py", PRICE.replace("/ 2", "/ 2.0") + "\n\nLATE = 1\n")

    status, _ = ask("--against", "HEAD")

    changes = document(root)["changes"]
    assert status == 0
    assert isinstance(changes, dict)
    assert [(one["path"], one["lines"]) for one in changes["files"]] == [("pkg/fares.py", 1)]


def test_a_pyproject_that_cannot_be_read_is_an_error(root: Path, ask: Ask) -> None:
    """Whether it is gone or damaged."""
    change(root, "pyproject.toml", "nonsense")
    assert "is not TOML" in ask()[1]

    (root / "pyproject.toml").unlink()
    assert "cannot be read" in ask()[1]
