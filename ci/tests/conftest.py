"""What every test of the engine may ask for."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import types
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from benching import BENCHMARKS, CODE, CONFIG, Bench
from comparisons import Judged
from state_of_app import APP

from shakeproof.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from comparisons import Judge, Project

SPECIMENS = Path(__file__).parent / "specimens"


def pytest_configure() -> None:
    # No database of examples: what one run found must not decide the next one's outcome.
    quick = hypothesis.settings(max_examples=50, deadline=None, database=None)
    hypothesis.settings.register_profile("quick", quick)
    hypothesis.settings.register_profile("thorough", quick, max_examples=2000, print_blob=True)
    hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture
def specimen(tmp_path: Path) -> Callable[[str], Path]:
    """Give a function that copies an ill suite by its name: where they are kept nothing may be written."""

    def copy(name: str) -> Path:
        ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache")
        return shutil.copytree(SPECIMENS / name, tmp_path / name, ignore=ignored)

    return copy


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give a function that writes a small suite, file by file."""

    def write(**files: str) -> Path:
        rootdir = tmp_path / "project"
        rootdir.mkdir()
        for name, text in files.items():
            suffix = ".toml" if name == "pyproject" else ".py"
            (rootdir / f"{name}{suffix}").write_text(textwrap.dedent(text), encoding="utf-8")
        return rootdir

    return write


@pytest.fixture
def judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Judge:
    """Give a function that compares the runs of a suite, two in the declared order unless told otherwise."""

    def compare(rootdir: Path, *options: str, repeat: int = 2) -> Judged:
        folder = tmp_path / "out"
        own: tuple[str, ...] = ("--rootdir", str(rootdir), "--out", str(folder))
        own += ("--repeat", str(repeat))
        # One at a time, unless told otherwise: which of two runs side by side ends first is chance.
        own += () if "--jobs" in options else ("--jobs", "1")
        status = main(["compare", *own, "--seed", "1", *options])
        printed = capsys.readouterr()
        return Judged(status, printed.out, printed.err, rootdir, folder)

    return compare


@pytest.fixture
def no_outer_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep from the runs that a test starts what this one says: they are ordinary ones, whatever runs the test."""
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
        monkeypatch.delenv(name, raising=False)
    for name in ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTHONHASHSEED"):
        monkeypatch.delenv(name, raising=False)
    # Where the data of this run is: one that measures as well would begin by erasing it.
    monkeypatch.delenv("COVERAGE_FILE", raising=False)
    for name in ("TZ", "LC_ALL"):  # what a run under another condition is told from
        monkeypatch.delenv(name, raising=False)
    for name in ("CI", "BUILD_NUMBER"):  # with which pytest's summary holds whole messages
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def no_outer_run(
    no_outer_variables: None,  # noqa: ARG001  (wanted for what it does)
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Keep from the runs that a test starts also what this one loads: they load the plugins that they name.

    With those alone they start in a third of the time.
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Give a module of the project, loaded."""
    module = types.ModuleType(APP)
    monkeypatch.setitem(sys.modules, APP, module)
    return module


@pytest.fixture
def write(app: types.ModuleType) -> Callable[[str], None]:
    """Give a function that runs code in that module."""

    def run(code: str) -> None:
        exec(textwrap.dedent(code), vars(app))  # noqa: S102  (what a module of a project does)

    return run


@pytest.fixture
def bench(
    no_outer_variables: None,  # noqa: ARG001  (wanted for what it does)
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Bench:
    """Give a small project with two benchmarks; runs that a test starts load pytest-benchmark alone."""
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_benchmark.plugin")
    project = Bench(tmp_path / "project")
    project.write("pyproject.toml", CONFIG)
    project.write("code_under_test.py", CODE)
    project.write("bench/test_it.py", BENCHMARKS)
    return project
