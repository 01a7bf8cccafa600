"""Running a finding again: until it shows itself, or has been given every chance."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from builders import finding

from shakeproof.cli import main
from shakeproof.investigate.commands import tries_again
from shakeproof.model import Finding, Instability

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from comparisons import Specimen

    Replay = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.usefixtures("no_outer_run")

VICTIM = finding()
CHANCE = replace(VICTIM, kind=Instability.NON_DETERMINISTIC)


@pytest.mark.parametrize(
    ("case", "tries"),
    [
        (VICTIM, 3),
        (replace(VICTIM, rate=0.4), 30),
        (replace(VICTIM, tries=4, shown=1), 17),
        (replace(VICTIM, tries=30, shown=1), 30),
        (replace(CHANCE, failures=7), 10),
        (replace(CHANCE, failures=1), 30),
    ],
    ids=["each time", "now and then", "one in four", "one in thirty", "always chance", "chance"],
)
def test_a_finding_is_taken_for_mended_as_soon_as_the_evidence_is_enough(
    case: Finding, tries: int
) -> None:
    """Of one that showed itself in a quarter of the tries, 17 that do not leave it a chance of 1 %."""
    assert tries_again(case) == tries


@pytest.fixture
def replayed(
    specimen: Specimen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[Callable[[Path], None]], tuple[int, str, str]]:
    """Give a function that finds the victim of a suite, has something done to the suite, and replays the finding."""

    def replay(meanwhile: Callable[[Path], None]) -> tuple[int, str, str]:
        rootdir, out = specimen("victim"), tmp_path / "out"
        own = ("--out", str(out), "--quiet")
        quickly = ("--seed", "1", "--seeds", "1", "--repeat", "2")
        main(["stability", "--rootdir", str(rootdir), *own, *quickly])
        capsys.readouterr()
        meanwhile(rootdir)
        status = main(["replay", "F1", "--out", str(out)])
        return status, *capsys.readouterr()

    return replay


def test_what_was_mended_does_not_show_itself_in_three_tries(replayed: Replay) -> None:
    def mend(rootdir: Path) -> None:
        file = rootdir / "test_mode.py"
        file.write_text(file.read_text("utf-8").replace('== "safe"', "!= ''"), "utf-8")

    status, out, _ = replayed(mend)

    assert status == 1
    assert "F1 did not show itself in 3 tries: test_mode.py::test_a_reads_mode" in out


def test_a_test_with_another_name_by_now_is_not_taken_for_mended(replayed: Replay) -> None:
    def rename(rootdir: Path) -> None:
        file = rootdir / "test_mode.py"
        file.write_text(file.read_text("utf-8").replace("test_a_reads", "test_a_knows"), "utf-8")

    status, _, err = replayed(rename)

    assert status == 2
    assert "pytest did not run the command of F1" in err
    assert "run `shakeproof stability` again" in err


def test_a_project_that_is_gone_is_named_with_what_this_command_can_do(replayed: Replay) -> None:
    """Not with options that only others have."""
    status, _, err = replayed(shutil.rmtree)

    assert status == 2
    assert "There is no folder" in err
    assert "run `shakeproof stability` again where the project is now" in err
    assert "--rootdir" not in err


def test_an_interpreter_that_is_gone_is_named_in_the_same_way(
    replayed: Replay, tmp_path: Path
) -> None:
    def lose_the_interpreter(_: Path) -> None:
        file = tmp_path / "out" / "report.json"
        report = json.loads(file.read_text("utf-8"))
        report["suite"]["interpreter"] = str(tmp_path / "gone")
        file.write_text(json.dumps(report), "utf-8")

    status, _, err = replayed(lose_the_interpreter)

    assert status == 2
    assert "gone cannot be started (no such file or directory): run `shakeproof stability`" in err
    assert "--python" not in err
