"""How the processes that measure are started: each belongs to its side, whatever the gate itself runs in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from benching import ONE

from shakeproof.gates.benchmarks.processes import Side, measure

if TYPE_CHECKING:
    from pathlib import Path

    from benching import Bench


@pytest.fixture
def side(bench: Bench, tmp_path: Path) -> Side:
    """Give the small project as a side with an environment of its own."""
    python = tmp_path / "environment" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    return Side("HEAD", bench.root, python, tmp_path / "scratch")


def test_a_program_that_is_started_by_name_is_the_sides_own(bench: Bench, side: Side) -> None:
    """Otherwise a benchmark of a command would measure the same program on all sides."""
    bench.write(
        "bench/test_it.py",
        f"""
        import shutil

        def test_one(benchmark):
            assert benchmark(shutil.which, "python") == {str(side.python)!r}
        """,
    )

    assert measure(side, ["bench"], hash_seed=1).names == (ONE,)


def test_names_are_those_of_the_project_wherever_pytest_is_configured(
    bench: Bench, side: Side
) -> None:
    """A configuration deeper down does not change what a benchmark is called."""
    bench.write("bench/pytest.ini", "[pytest]\npythonpath = ..\n")
    bench.write("bench/test_it.py", "def test_one(benchmark):\n    benchmark(int)\n")

    assert measure(side, ["bench"], hash_seed=1).names == (ONE,)
