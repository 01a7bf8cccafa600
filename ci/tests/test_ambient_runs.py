"""Other weather for real: what is found in it, what the printed commands show, and what the option takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from laboratory import statuses, write

from shakeproof.cli import main
from shakeproof.lab.fresh import FreshLab
from shakeproof.model import Condition, Experiment, Kind

Specimen: TypeAlias = Callable[[str], Path]

pytestmark = pytest.mark.usefixtures("no_outer_run")

TRAVEL = (
    'import time_machine; time_machine.__doc__ = "PYTEST_DONT_REWRITE"; '
    "time_machine.travel({moment}).start()"
)


@pytest.mark.parametrize(
    ("condition", "test"),
    [
        ("locale", "test_locale"),  # a variable
        ("network", "test_network"),  # statements before pytest
        ("cwd", "test_directory"),  # another place
        ("cpu", "test_cpus"),  # another program around it
    ],
)
def test_a_printed_command_shows_the_failure_in_a_shell_and_so_does_replay(
    condition: str,
    test: str,
    specimen: Specimen,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is what somebody pastes who has Shakeproof nowhere near the tests."""
    rootdir, out = specimen("ambient"), tmp_path / "out"
    where = ("--rootdir", str(rootdir), "--out", str(out), "--quiet", "--seed", "1")
    little = ("--repeat", "1", "--seeds", "0", "--conditions", condition)
    main(["stability", *where, *little, "--", f"test_weather.py::{test}"])
    (found,) = json.loads((out / "report.json").read_text(encoding="utf-8"))["findings"]
    _make_python_the_one_of_the_tests(tmp_path, monkeypatch)

    assert "1 failed" in _pasted(found["reproduce"], rootdir)
    assert main(["replay", found["id"], "--out", str(out), "--quiet"]) == 0


def _make_python_the_one_of_the_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def _pasted(command: str, folder: Path) -> str:
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout


def under(condition: Condition, *arguments: str) -> Experiment:
    """Plan a run."""
    return Experiment("it", Kind.AMBIENT, arguments=arguments, condition=condition)


def test_the_records_do_not_travel_with_the_clock(tmp_path: Path) -> None:
    """However far it is put, a test takes as long as it takes, and is cut off when its time is up."""
    project = write(
        tmp_path,
        {
            "test_it.py": """
                import time
                def test_then(): assert time.gmtime().tm_year == 2096
                def test_for_ever():
                    while True: pass
            """
        },
        timeout=1.0,
    )
    far = Condition("far", "clock", "date", None, "", code=TRAVEL.format(moment=4_000_000_000))

    (run,) = FreshLab(project.target(), project.logs, lambda *_: None).run([under(far)])

    assert statuses(run) == {"test_then": "passed", "test_for_ever": "hang"}
    assert all(outcome.seconds < 60 for outcome in run.outcomes)


def test_a_project_that_takes_warnings_for_errors_can_have_another_date(tmp_path: Path) -> None:
    """Pytest warns of a plugin that was imported before it, as time-machine is, which is a plugin too."""
    project = write(tmp_path, {"test_it.py": "def test_a(): pass"})
    date = Condition("then", "clock", "date", None, "", code=TRAVEL.format(moment=2_000_000_000))

    (run,) = FreshLab(project.target(), project.logs, lambda *_: None).run(
        [under(date, "-W", "error", "-p", "time_machine")]
    )

    assert statuses(run) == {"test_a": "passed"}


def test_a_condition_that_cannot_be_set_up_runs_no_test(tmp_path: Path) -> None:
    project = write(tmp_path, {"test_it.py": "def test_a(): pass"})
    never = Condition("never", "cpu", "CPUs", None, "", code="raise OSError('no such CPU')")

    (run,) = FreshLab(project.target(), project.logs, lambda *_: None).run([under(never)])

    assert (run.order, run.exit_status) == ((), 1)
    assert "no such CPU" in run.log.read_text(encoding="utf-8")


def test_what_fails_on_import_under_a_condition_is_a_sentence(tmp_path: Path) -> None:
    """No test is to blame for it, but whoever reads the report learns of it."""
    project = write(
        tmp_path,
        {
            "test_it.py": """
                import os
                assert os.environ.get("LC_ALL") != "C"
                def test_a(): pass
            """
        },
    )
    out = tmp_path / "out"
    little = ("--repeat", "1", "--seeds", "0", "--runner", "fresh", "--quiet")
    locale = ("--conditions", "locale")

    status = main(
        ["stability", "--rootdir", str(project.rootdir), "--out", str(out), *little, *locale]
    )

    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    (sentence,) = (each for each in report["evidence"]["incomplete"] if "locale" in each)
    assert (status, report["findings"]) == (0, [])
    assert sentence.startswith("locale LC_ALL=C: pytest ran no test and said `AssertionError")
    assert report["evidence"]["experiments"]["ambient"] == 2


def test_a_condition_that_is_not_known_is_a_usage_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["stability", "--conditions", "timezone,weather"])

    assert ended.value.code == 2
    assert (
        "'weather' is no condition: name some of timezone, date, locale, network, cwd, descriptors, "
        "cpu, or all, or none" in capsys.readouterr().err
    )
