"""The path this repository promises: one polluting test in the backend's suite, and the verdict names its victim."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parent.parent.parent
FILE = "tests/integration/test_integration.py"
# Some of its tests are enough, and with few there are few pairs to try.
SELECTED = (FILE, "-k", "opens_the_door or two_apps or survives_a_restart")
POLLUTING = "tests/integration/test_aaa_pollutes.py"
POLLUTER = '''
"""Lets every key in, for good: the suite's isolation check watches `backend`, not the standard library."""

import secrets


def test_opens_the_door() -> None:
    secrets.compare_digest = lambda one, other: True
    assert secrets.compare_digest(b"wrong", b"right")
'''


def test_one_polluting_test_in_the_backends_suite_is_found(tmp_path: Path) -> None:
    """With a polluter before it, exit status 1, the victim and its polluter, and a command that was confirmed."""
    copy = _copy_of_the_suite(tmp_path)
    (copy / POLLUTING).write_text(POLLUTER, encoding="utf-8")

    answer, report = _stability(copy, POLLUTING, *SELECTED)

    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert report["verdict"] == "unstable"
    (found,) = report["findings"]
    assert (found["kind"], found["confirmed"]) == ("victim", True)
    assert found["test"] == f"{FILE}::test_two_apps_with_different_settings_live_side_by_side"
    assert found["culprits"] == [[f"{POLLUTING}::test_opens_the_door"]]
    (cause,) = found["causes"]
    assert (cause["key"], cause["proven"]) == ("secrets.compare_digest", True)


def test_the_same_tests_without_the_polluter_are_stable(tmp_path: Path) -> None:
    """The accusation rests on the polluter alone: without it the same question is answered with 0."""
    answer, report = _stability(_copy_of_the_suite(tmp_path), *SELECTED)

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


def _stability(
    copy: Path, *selected: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    answer = subprocess.run(
        [
            *(sys.executable, "-m", "shakeproof", "stability", "--rootdir", str(copy)),
            *("--repeat", "2", "--seeds", "1", "--seed", "1"),
            *("--budget", "60", "--conditions", "none", "--out", str(copy / "out")),
            *("--", *selected),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return answer, json.loads((copy / "out/report.json").read_text(encoding="utf-8"))
