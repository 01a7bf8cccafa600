"""Other people's projects: their options, habits and interpreters change neither what is run nor what is seen."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from laboratory import ran, seen, statuses, write

from shakeproof.errors import ShakeproofError
from shakeproof.lab import probe, room
from shakeproof.lab.base import Target
from shakeproof.lab.fresh import FreshLab
from shakeproof.lab.probe import check_collected, check_target
from shakeproof.model import Experiment, Kind, Run

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def test_an_interpreter_that_never_answers_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\nexec sleep 600\n", encoding="utf-8")
    silent.chmod(0o755)
    monkeypatch.setattr(probe, "ANSWER_SECONDS", 0.01)

    with pytest.raises(ShakeproofError, match="did not answer within a minute: name another"):
        check_target(Target(tmp_path, str(silent)))


@pytest.mark.parametrize(
    ("plugin", "needed"),
    [
        ("xdist", "--parallel needs pytest-xdist"),
        ("randomly", "--seeds needs pytest-randomly"),
        ("cov", "pytest did not start (above, what it printed)"),
    ],
)
def test_an_option_without_its_plugin_names_the_plugin(
    plugin: str, needed: str, tmp_path: Path
) -> None:
    """Pytest itself says no more than that it does not know the argument; of others it is left to say so."""
    log = tmp_path / "log"
    log.write_text("ERROR: pytest: error: unrecognized arguments: -n\n", encoding="utf-8")
    asked = Experiment("it", Kind.PARALLEL, plugins=frozenset({plugin}))

    with pytest.raises(ShakeproofError) as raised:
        check_collected(Run(asked, (), (), seconds=0.1, exit_status=4, log=log))

    assert needed in str(raised.value)


@pytest.fixture
def short_files() -> Iterator[int]:
    """Let no file of this process become longer than a megabyte."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    yield 1 << 20
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_log_as_long_as_a_file_may_be_was_cut(short_files: int, tmp_path: Path) -> None:
    """The tests failed for want of room, whatever they say."""
    log = tmp_path / "logs" / "log"
    log.parent.mkdir()
    log.touch()

    room.check_recorded(1, tmp_path, log)
    os.truncate(log, short_files)
    with pytest.raises(ShakeproofError, match=f"no room left in {log.parent}"):
        room.check_recorded(1, tmp_path, log)


def test_a_run_that_lost_its_record_says_where(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()

    with pytest.raises(ShakeproofError, match=f"no room left in {tmp_path}"):
        room.check_recorded(room.RECORD_LOST, tmp_path, log)


def test_runs_end_also_where_a_process_cannot_be_looked_at_before_it_is_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS before Python 3.13."""
    monkeypatch.delattr(os, "waitid")
    project = write(tmp_path, {"test_it.py": "def test_a(): pass"})

    (run,) = project.fresh(None)

    assert (statuses(run), run.exit_status) == ({"test_a": "passed"}, 0)
