"""What an interruption leaves of a comparison: a partial report, and no process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]
import pytest
from comparisons import AT_MOST, Judged

if TYPE_CHECKING:
    from collections.abc import Callable

    from comparisons import Project

pytestmark = pytest.mark.usefixtures("no_outer_run")

CI = Path(__file__).parents[1]
WAITING = """
    import os
    import subprocess
    import sys
    from pathlib import Path

    HERE = Path(__file__).parents[1]

    def test_a_fails_in_the_first_run():
        (HERE / "turns").open("a").write(".")
        assert (HERE / "turns").stat().st_size > FIRST

    def test_b_waits_in_later_runs():
        if (HERE / "turns").stat().st_size > FIRST:
            child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
            with (HERE / "pids").open("w") as pids:
                pids.write(f"{os.getpid()} {child.pid}")
            child.wait()
    """


@pytest.fixture
def interrupt(project: Project, tmp_path: Path) -> Callable[..., Judged]:
    """Give a function that starts a comparison, and ends it by a signal while its last run is waiting."""

    def waiting(ending: signal.Signals, *, after_runs: int) -> Judged:
        source = textwrap.dedent(WAITING).replace("FIRST", str(after_runs))
        rootdir, folder, pids = project(test_it=source), tmp_path / "out", tmp_path / "pids"
        os.mkfifo(pids)
        own = ("--rootdir", str(rootdir), "--out", str(folder), "--repeat", "3")
        one_at_a_time = ("--jobs", "1")
        with subprocess.Popen(
            [sys.executable, "-m", "shakeproof", "compare", *own, *one_at_a_time],
            env={**os.environ, "PYTHONPATH": str(CI)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                running = [psutil.Process(int(pid)) for pid in pids.read_text("utf-8").split()]
                process.send_signal(ending)
                out, err = process.communicate(timeout=AT_MOST)
                _, alive = psutil.wait_procs(running, timeout=AT_MOST)
                assert alive == []
            finally:
                process.kill()
        return Judged(process.returncode, out, err, rootdir, folder)

    return waiting


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_a_partial_report_and_no_process(
    ending: signal.Signals, interrupt: Callable[..., Judged]
) -> None:
    """Not pytest's, and not those that tests have started. What the first run showed is in the report, unconfirmed."""
    judged = interrupt(ending, after_runs=1)

    assert judged.status == 130
    assert judged.out.startswith("  declared #1: 2 tests, 1 failed")
    assert "interrupted: stopped early; what 1 run had shown by then is below" in judged.out
    assert judged.report["verdict"] == "interrupted"
    assert "2 of 3 runs: interrupted" in judged.report["evidence"]["incomplete"]
    assert judged.only["test"] == "test_it.py::test_a_fails_in_the_first_run"
    assert (judged.only["confirmed"], judged.only["tries"]) == (False, 0)
    assert "interrupted" in judged.written("flaky_test_verification.md")


def test_an_interruption_of_the_first_run_says_that_there_is_no_report(
    interrupt: Callable[..., Judged],
) -> None:
    judged = interrupt(signal.SIGINT, after_runs=0)

    assert judged.status == 130
    assert judged.err == "shakeproof: interrupted before the first run had ended.\n"
    assert not (judged.folder / "report.json").exists()
