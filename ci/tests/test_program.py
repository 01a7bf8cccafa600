"""The program itself: it ends with the status of its answer, whoever stops reading or waiting."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import pytest
from builders import report

from shakeproof import cli
from shakeproof.model import Verdict
from shakeproof.report.as_json import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    """Put back what the program listens to."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Have the last report of a suite that was found stable."""
    (tmp_path / "report.json").write_text(to_json(report(Verdict.STABLE)), encoding="utf-8")
    return tmp_path


def ending(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """Run the program, and give its exit status."""
    monkeypatch.setattr(sys, "argv", ["shakeproof", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.run()
    return ended.value.code


def test_it_ends_with_the_status_of_its_answer(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(monkeypatch, "show", "--out", str(out)) == 0
    assert "stable" in capsys.readouterr().out
    assert ending(monkeypatch, "show", "--out", str(out / "nowhere")) == 2


def test_whoever_stops_reading_does_not_change_the_verdict(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`shakeproof show | head -1`: no traceback, and the same status."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as gone:  # noqa: PTH123  (a descriptor)
        monkeypatch.setattr(sys, "stdout", gone)

        assert ending(monkeypatch, "show", "--out", str(out)) == 0


def test_to_be_terminated_is_to_be_interrupted(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a supervisor or `timeout` sends leaves a report as Ctrl-C does."""
    ending(monkeypatch, "show", "--out", str(out))

    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("command", ["stability", "compare"])
def test_an_interruption_before_the_first_run_has_its_own_status(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """There is nothing to report, and no verdict."""

    def interrupted(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, command, interrupted)

    assert cli.main([command, "--out", str(tmp_path)]) == 130
    assert "interrupted before the first run had ended" in capsys.readouterr().err
