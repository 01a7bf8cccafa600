"""Other people's projects: their options, habits and interpreters change neither what is run nor what is seen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from laboratory import ran, seen, statuses, write

from shakeproof.errors import ShakeproofError
from shakeproof.lab import room
from shakeproof.lab.base import Target
from shakeproof.lab.fresh import FreshLab
from shakeproof.lab.probe import check_target
from shakeproof.model import Experiment, Kind

pytestmark = pytest.mark.usefixtures("no_outer_run")

CI = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "options",
    [
        "--pdb",
        "--trace",
        "--setup-only",
        "--setup-plan",
        "--collect-only",
        "--pastebin=all",
        "--fixtures",
        "--fixtures-per-test",
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


@pytest.mark.parametrize("runner", ["fork", "fresh"])
def test_a_failure_on_a_full_disk_is_told_as_that(
    runner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = write(tmp_path, {"test_it.py": "def test_a(): assert False\ndef test_b(): pass"})
    full = SimpleNamespace(f_blocks=9, f_bfree=0, f_bavail=0, f_frsize=4096)
    monkeypatch.setattr("os.statvfs", lambda _: full)

    def look() -> None:
        if runner == "fresh":
            project.fresh(None)
            return
        with project.fork() as lab:
            ran(lab)

    with pytest.raises(ShakeproofError, match="no room left in"):
        look()


def test_tests_that_pass_ask_for_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = write(tmp_path, {"test_it.py": "def test_b(): pass"})
    monkeypatch.setattr(room, "LEAST_ROOM", 1 << 80)

    assert [statuses(run) for run in project.fresh(None)] == [{"test_b": "passed"}]


@pytest.mark.parametrize("kibibytes", [4, 32], ids=["log", "record"])
def test_a_record_or_log_that_is_cut_off_is_no_finding(kibibytes: int, tmp_path: Path) -> None:
    """Neither a traceback, nor half a line read as a whole one."""
    source = """
        import pytest
        @pytest.mark.parametrize("n", range(200))
        def test_it(n): pass
        """
    project = write(tmp_path, {"test_it.py": source})
    out = tmp_path / "out"
    where = ("--rootdir", str(project.rootdir), "--out", str(out), "--runner", "fresh")
    little = ("--repeat", "1", "--seeds", "0", "--budget", "0.001")

    done = subprocess.run(
        ["/bin/bash", "-c", f'ulimit -f {kibibytes}; exec "$@"', "-",
         sys.executable, "-B", "-m", "shakeproof", "stability", *where, *little],
        env={**os.environ, "PYTHONPATH": str(CI)}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("shakeproof: There is no room left in ")
    assert [path.name for path in out.iterdir()] == ["logs"]


def test_a_request_for_which_there_is_no_room_says_so(tmp_path: Path) -> None:
    with pytest.raises(ShakeproofError, match="no room left"), room.needing_room(tmp_path):
        raise OSError(28, "No space left on device")
    with pytest.raises(PermissionError), room.needing_room(tmp_path):
        raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 1", "it does not answer as Python does"),
        ("echo it is Python 3.8 >&2; exit 1", "it is Python 3.8"),
        ("echo usable; echo not so >&2; exit 1", "not so"),
    ],
)
def test_an_interpreter_that_cannot_be_used_says_why(
    script: str, sentence: str, tmp_path: Path
) -> None:
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    fake.chmod(0o755)

    with pytest.raises(ShakeproofError, match=rf"cannot be used \({sentence}\): Python 3.9"):
        check_target(Target(tmp_path, str(fake)))


def test_what_an_interpreter_prints_at_its_start_does_not_hurt(tmp_path: Path) -> None:
    fake = tmp_path / "python"
    fake.write_text(f'#!/bin/sh\necho hello\nexec {sys.executable} "$@"\n', encoding="utf-8")
    fake.chmod(0o755)

    check_target(Target(tmp_path, str(fake)))


def test_warnings_that_are_errors_do_not_hear_of_the_fork(tmp_path: Path) -> None:
    """What a fork lets go of as it parts from the template's files would be its first test's failure."""
    project = write(
        tmp_path,
        {
            "pytest.ini": "[pytest]\naddopts = -W error\nfilterwarnings = error",
            "test_it.py": "import gc\ndef test_a(): gc.collect()\ndef test_b(): pass",
        },
    )
    with project.fork() as lab:
        run = ran(lab)

    assert seen(run) == [("test_it.py::test_a", "passed", ""), ("test_it.py::test_b", "passed", "")]
