"""Other people's projects: their options, habits and interpreters change neither what is run nor what is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from laboratory import ran, seen, statuses, write

from shakeproof.lab.fresh import FreshLab
from shakeproof.model import Experiment, Kind

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _only_plugins_that_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the inner runs load the plugins they name and no others, and hear nothing of the outer run."""
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
        monkeypatch.delenv(name, raising=False)
    for name in ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTHONHASHSEED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.mark.parametrize(
    "options",
    [
        "--pdb",
        "--trace",
        "--setup-only",
        "--setup-plan",
        "--collect-only",
        "--pastebin=all",
        "-p xdist.looponfail -p xdist.plugin --looponfail",
    ],
)
def test_options_that_wait_for_somebody_or_run_nothing_are_quiet(
    options: str, tmp_path: Path
) -> None:
    project = write(
        tmp_path,
        {
            "pytest.ini": f"[pytest]\naddopts = {options}",
            "test_it.py": "def test_a(): assert False\ndef test_b(): pass",
        },
    )
    with project.fork() as lab:
        forked = ran(lab)

    (fresh,) = project.fresh(None)
    assert statuses(forked) == {"test_a": "failed", "test_b": "passed"}
    assert seen(fresh) == seen(forked)
    assert "pastebin" not in fresh.log.read_text(encoding="utf-8")


def test_an_experiment_may_collect_and_no_more(tmp_path: Path) -> None:
    """Only the project's own wish to do so is not heard."""
    project = write(tmp_path, {"test_it.py": "def test_a(): assert False"})
    looking = Experiment("look", Kind.DECLARED, options=("--collect-only", "-q"))
    lab = FreshLab(project.target(), project.logs, lambda *_: None)

    (run,) = lab.run([looking])

    assert (run.collected, statuses(run)) == (("test_it.py::test_a",), {"test_a": "not run"})
