"""The path this repository promises: one polluting test in the backend's suite, and the verdict names its victim."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent.parent
POLLUTER = '''
"""Replaces a method of a class and never puts it back: the suite's own isolation check looks at modules, not into classes."""

from backend.core.settings import Settings


def test_sets_a_method_and_forgets_it() -> None:
    Settings.public = lambda self: {}
    assert Settings.public(None) == {}
'''


def test_one_polluting_test_in_the_backends_suite_is_found(tmp_path: Path) -> None:
    """
    With a polluter among the unit tests the comparison exits 1 and names a victim, with a command that was confirmed.
    """
    copy = _copy_of_the_suite(tmp_path)
    (copy / "tests/unit/test_aaa_pollutes.py").write_text(POLLUTER, encoding="utf-8")

    answer, report = _compare(copy)

    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert report["verdict"] == "unstable"
    victims = [finding for finding in report["findings"] if finding["kind"] == "victim"]
    assert {finding["test"].partition("::")[0] for finding in victims} == {
        "tests/unit/test_settings.py"
    }
    assert all(finding["confirmed"] for finding in victims)


def test_the_same_tests_without_the_polluter_are_stable(tmp_path: Path) -> None:
    """
    The accusation rests on the polluter alone: without it the same comparison exits 0.
    """
    answer, report = _compare(_copy_of_the_suite(tmp_path))

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert report["verdict"] == "stable"
    assert report["findings"] == []


def _copy_of_the_suite(tmp_path: Path) -> Path:
    copy = tmp_path / "copy"
    leftovers = shutil.ignore_patterns("__pycache__", "*.sqlite3*")
    for folder in ("backend", "tests"):
        shutil.copytree(REPOSITORY / folder, copy / folder, ignore=leftovers)
    shutil.copy(REPOSITORY / "pyproject.toml", copy)
    return copy


def _compare(copy: Path) -> tuple[subprocess.CompletedProcess[str], dict[str, object]]:
    answer = subprocess.run(
        [
            *(sys.executable, "-m", "shakeproof", "compare", "--rootdir", str(copy)),
            *("--repeat", "2", "--seeds", "1", "--seed", "1", "--out", str(copy / "out")),
            *("--", "tests/unit"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return answer, json.loads((copy / "out/report.json").read_text(encoding="utf-8"))
