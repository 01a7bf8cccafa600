"""What tests of the coverage gate build: measured files, settings, small projects that are measured for real."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from shakeproof.gates.coverage.judging import Since
from shakeproof.gates.coverage.measured import File
from shakeproof.gates.coverage.ratchet import Notch
from shakeproof.gates.coverage.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = Settings(suite="pkg", source="pkg", packages={"pkg/core": 80.0}, total=80.0)
NOWHERE = Since("0" * 40)  # a commit that nothing is asked about
HELD = {"pkg": Notch(0, 0), "pkg/core": Notch(0, 0)}  # a ratchet that holds all that is judged


def file(path: str, lines: int = 10, covered: int = 10, ways: int = 10, taken: int = 10) -> File:
    """Make a file of so many lines and branches, of which the first so many ran."""
    return File(
        path=path,
        ran=frozenset(range(1, covered + 1)),
        missing=frozenset(range(covered + 1, lines + 1)),
        taken=frozenset((1, number) for number in range(2, taken + 2)),
        not_taken=frozenset((1, number) for number in range(taken + 2, ways + 2)),
    )


GOOD = file("pkg/core/a.py")
PYPROJECT = """\
[tool.pytest.ini_options]
pythonpath = ["."]
addopts = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider"]

[tool.coverage.run]
branch = true
parallel = true
patch = ["subprocess"]

[tool.shakeproof.coverage.pkg]
source = "pkg"
packages = { "pkg" = 80 }
total = 80
changed = 95
"""

PRICE = '''\
"""Prices."""


def price(amount, student):
    if student:
        amount = amount / 2
    return amount
'''

BOTH = """\
from pkg.fares import price


def test_students_pay_half():
    assert price(4, True) == 2


def test_others_pay_all():
    assert price(4, False) == 4
"""

RATCHET = '["pkg"]\ncoverage = 100\nbranches = 100\n'


def git(root: Path, *arguments: str) -> None:
    """Run git as nobody in particular; raise CalledProcessError where it fails."""
    who = (
        "-c",
        "user.name=somebody",
        "-c",
        "user.email=somebody@example.org",
        "-c",
        "commit.gpgsign=false",
    )
    # Run by a hook of git, those would speak of another repository.
    environ = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    subprocess.run(
        ["git", *who, *arguments],  # noqa: S607 - the user's git
        cwd=root, env=environ, check=True, capture_output=True,
    )  # fmt: skip


def small_project(root: Path) -> Path:
    """Write a package that is tested whole, in a repository of its own, on a branch that left main."""
    for name, text in {
        "pyproject.toml": PYPROJECT,
        "coverage-ratchet.toml": RATCHET,
        ".gitignore": "__pycache__/\nout/\n",
        "pkg/__init__.py": "",
        "pkg/fares.py": PRICE,
        "tests/test_fares.py": BOTH,
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message=all")
    git(root, "checkout", "--quiet", "-b", "work")
    return root


def fake_git(root: Path, objection: str) -> Path:
    """Make a folder with a program called git, which says this and fails whatever it is asked."""
    folder = root / "bin"
    folder.mkdir()
    (folder / "git").write_text(f'#!/bin/sh\necho "{objection}" >&2\nexit 128\n', encoding="utf-8")
    (folder / "git").chmod(0o755)
    return folder
