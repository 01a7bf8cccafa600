"""The suite's cost where little was measured, on odd machines, and where the numbers cannot be written down."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from costs import measured, timed

from shakeproof.gates.cost import command
from shakeproof.gates.cost.judging import verdict
from shakeproof.gates.cost.scaling import fit
from shakeproof.gates.cost.settings import Settings
from shakeproof.gates.machine import Machine, this_machine
from shakeproof.gates.pages import BEGIN, END

if TYPE_CHECKING:
    from shakeproof.gates.cost.running import Bounds, Measured


def test_on_one_core_sharing_cannot_be_told_from_working_alone() -> None:
    """What is shared is shared with nobody: the law still says how long it takes, and recommends one worker."""
    law = fit({1: 10.0, 2: 12.0, 4: 16.0}, 1)

    assert law.off == pytest.approx(0, abs=1e-9)
    assert law.seconds(3) == pytest.approx(14.0)
    assert law.recommended == 1


def test_a_number_of_workers_for_which_there_was_no_time_has_no_row() -> None:
    eight = Machine("a CPU", 8, "Linux", "3.11")

    seen = verdict(Settings(), eight, measured((), 8, n2=(), n8=(50.0, 50.0, 50.0)), ())

    rows = next(each.rows for each in seen.tables if each.rows[0][0] == "way")
    assert [row[0] for row in rows[1:]] == [
        "in one process",
        "-n 1",
        "-n 3",
        "-n 4",
        "-n 8 (auto, one a core)",
    ]


def test_a_machine_that_tells_nothing_of_itself_has_a_name_and_cores_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """MacOS has neither /proc nor the affinity of a process."""

    def missing(*_: object, **__: object) -> NoReturn:
        raise FileNotFoundError

    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(Path, "read_text", missing)

    machine = this_machine()

    assert machine.cores == os.cpu_count()
    assert machine.cpu


@pytest.fixture
def bounds(monkeypatch: pytest.MonkeyPatch) -> list[Bounds]:
    """Have the command judge rounds that were not made, and keep how many were asked for."""
    asked: list[Bounds] = []

    def not_made(
        _arms: object, _arguments: object, _root: Path, wanted: Bounds, **_: object
    ) -> Measured:
        asked.append(wanted)
        return measured()

    monkeypatch.setattr(command, "measure", not_made)
    monkeypatch.setattr(command, "auto_workers", lambda *_: 2)
    return asked


def test_without_a_page_only_the_reports_and_the_log_are_written(
    tmp_path: Path, bounds: list[Bounds]
) -> None:
    (tmp_path / "pyproject.toml").touch()
    page = tmp_path / command.PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
    out = tmp_path / "out"

    status = command.main(["--root", str(tmp_path), "--out", str(out), "--rounds", "7"])

    assert [each.rounds for each in bounds] == [7]
    assert status in {0, 1, 5}  # of the limits for real suites; but no error
    assert page.read_text(encoding="utf-8") == f"{BEGIN}\n{END}\n"
    assert len((out / "history.jsonl").read_text(encoding="utf-8").splitlines()) == 1


def test_what_is_written_into_the_page_is_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A test's parameters are part of its name, a password among them."""
    tests = [timed("test_x[postgres://u:hunter2@db/x]", 5.0)]
    monkeypatch.setattr(command, "measure", lambda *_, **__: measured(tests))
    monkeypatch.setattr(command, "auto_workers", lambda *_: 2)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "page.md").write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
    out = tmp_path / "out"

    command.main(["--root", str(tmp_path), "--out", str(out), "--write", "page.md"])

    said = capsys.readouterr()
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    written = [path.read_text(encoding="utf-8") for path in out.iterdir()]
    assert "test_x[postgres://u:***@db/x]" in page
    assert "hunter2" not in "".join((page, *written, said.out, said.err))


def test_numbers_that_cannot_be_kept_are_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bounds: list[Bounds]
) -> None:
    """It is said before anything is measured: nobody waits for minutes to hear it."""
    (tmp_path / "pyproject.toml").touch()
    out = tmp_path / "out"
    out.mkdir()
    (out / "history.jsonl").symlink_to(tmp_path / "gone" / "history.jsonl")

    status = command.main(["--root", str(tmp_path), "--out", str(out)])

    assert (status, bounds) == (2, [])
    assert "history.jsonl cannot be written: No such file or directory." in capsys.readouterr().err
