"""Programs that gates run: their status, their output, and what becomes of them after Ctrl-C."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from shakeproof.gates.children import run, wait

if TYPE_CHECKING:
    from pathlib import Path


def test_a_program_gets_variables_but_none_of_the_run_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is itself measured, or is a worker, must not show in the one that is measured here."""
    monkeypatch.setenv("COVERAGE_PROCESS_CONFIG", "outer")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw7")
    code = "import os; print(sorted(n for n in os.environ if n[:4] in ('COVE', 'PYTE', 'MINE')))"
    printed = tmp_path / "printed.txt"

    status = run([sys.executable, "-c", code], tmp_path, {"MINE": "1"}, printed)

    assert (status, printed.read_text(encoding="utf-8")) == (0, "['MINE']\n")


class Stubborn:
    """A program that Ctrl-C reaches while it runs, and that ends only after so many more waits."""

    def __init__(self, *answers: int | type[BaseException]) -> None:
        self._answers = list(answers)
        self.killed = False

    def wait(self, timeout: float | None = None) -> int:
        answer = self._answers.pop(0)
        if answer is subprocess.TimeoutExpired:
            raise subprocess.TimeoutExpired("it", timeout or 0.0)
        if isinstance(answer, int):
            return answer
        raise answer

    def kill(self) -> None:
        self.killed = True


def test_after_ctrl_c_a_program_may_end_by_itself() -> None:
    """Its report is then whole."""
    program = Stubborn(KeyboardInterrupt, 2)

    with pytest.raises(KeyboardInterrupt):
        wait(program)

    assert not program.killed


@pytest.mark.parametrize("again", [subprocess.TimeoutExpired, KeyboardInterrupt])
def test_a_program_that_does_not_end_is_ended(again: type[BaseException]) -> None:
    """After some time, or when Ctrl-C is pressed again; none is left behind."""
    program = Stubborn(KeyboardInterrupt, again, -9)

    with pytest.raises(KeyboardInterrupt):
        wait(program)

    assert program.killed
