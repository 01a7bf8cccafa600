"""A small project with benchmarks, its repository, and a stand-in for uv that needs no network."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BENCHMARKS = """
    import pytest
    from code_under_test import work

    quick = pytest.mark.benchmark(max_time=0.01, min_rounds=1)

    @quick
    def test_one(benchmark):
        assert benchmark(work) == 45

    @quick
    def test_two(benchmark):
        assert benchmark.pedantic(work, rounds=2) == 45

    def test_no_benchmark():
        raise RuntimeError("nobody asked for this test")
"""
CODE = "def work():\n    return sum(range(10))\n"
CONFIG = """
    [tool.pytest]
    pythonpath = ["."]

    [tool.shakeproof.benchmarks]
    paths = ["bench"]
"""
ONE, TWO = "bench/test_it.py::test_one", "bench/test_it.py::test_two"
# Makes an environment whose Python is the one that runs the tests, and installs nothing.
UV = """\
#!/bin/sh
set -eu
if [ "$1" = venv ]; then
    for environment; do :; done
    mkdir -p "$environment/bin"
    printf '#!/bin/sh\\nexec "{python}" "$@"\\n' > "$environment/bin/python"
    chmod +x "$environment/bin/python"
else
    {install}
fi
"""


@dataclass(frozen=True)
class Bench:
    """The project's folder."""

    root: Path

    def write(self, name: str, text: str) -> None:
        """Write a file of it."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        """Change a file of it."""
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def git(self, *arguments: str) -> str:
        """Run git in it, as somebody."""
        who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
        done = subprocess.run(
            ["git", *who, *arguments],  # noqa: S607 - whichever git there is
            cwd=self.root, env=environment(), capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self) -> str:
        """Commit everything; give the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a change")
        return self.git("rev-parse", "HEAD")


def environment() -> dict[str, str]:
    """Give the variables without those that would make git look elsewhere."""
    outside = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | outside


def write_uv(folder: Path, install: str = ":") -> Path:
    """Write the stand-in; `install` is what it does, in sh, when it shall install."""
    path = folder / "uv"
    path.write_text(UV.format(python=sys.executable, install=install), encoding="utf-8")
    path.chmod(0o755)
    return path
