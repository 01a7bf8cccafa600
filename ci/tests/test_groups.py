"""Findings that are one mistake are told as one."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from builders import finding, report

from shakeproof.model import Cause, Finding, Instability, Leak, Report, Verdict
from shakeproof.report.groups import by_mistake
from shakeproof.report.markdown import audit
from shakeproof.report.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

MODE = Cause(Leak("test_a.py::test_other", "environment", "APP_MODE", None, "'fast'"), proven=True)
CWD = Cause(Leak("test_a.py::test_other", "cwd", "cwd", "'/a'", "'/b'"), proven=True)


def victim(number: int, *causes: Cause) -> Finding:
    """Make a finding that differs from others in its test alone."""
    found = finding(test=f"test_b.py::test_{number}")
    return replace(found, id=f"F{number}", causes=causes)


def ids(*findings: Finding) -> list[list[str]]:
    return [[each.id for each in group] for group in by_mistake(findings)]


def printed(shown: Report) -> str:
    out = io.StringIO()
    Terminal(out=out, quiet=True).report(shown, "reports")
    return out.getvalue()


THREE = report(Verdict.UNSTABLE, *(victim(number, MODE) for number in (1, 2, 3)))


def test_victims_of_one_culprit_and_one_piece_of_state_are_one_mistake() -> None:
    """They stand where the first of them stands, and the others keep their order."""
    assert ids(victim(1, MODE), victim(2, CWD), victim(3, MODE)) == [["F1", "F3"], ["F2"]]


@pytest.mark.parametrize(
    "other",
    [
        victim(2, CWD),
        victim(2, MODE, CWD),
        replace(victim(2, MODE), culprits=(("test_a.py::test_else",),)),
        replace(victim(2, MODE), kind=Instability.BRITTLE),
        replace(victim(2, MODE), rate=0.5),
    ],
    ids=["another piece", "one piece more", "another culprit", "another kind", "now and then"],
)
def test_what_differs_in_more_than_the_test_is_another_mistake(other: Finding) -> None:
    assert ids(victim(1, MODE), other) == [["F1"], ["F2"]]


def test_without_a_proven_cause_nothing_is_called_one_mistake() -> None:
    """One culprit may well make two mistakes."""
    unproven = replace(MODE, proven=False)

    assert ids(victim(1), victim(2)) == [["F1"], ["F2"]]
    assert ids(victim(1, unproven), victim(2, unproven)) == [["F1"], ["F2"]]


@pytest.mark.parametrize("said", [printed(THREE), audit(THREE)], ids=["terminal", "audit"])
def test_what_findings_have_in_common_is_said_once(said: str) -> None:
    """The culprit's state, the proof and the advice; test, message and command are each finding's own."""
    assert "F1, F2, F3: one mistake, 3 victims" in said
    assert said.count("APP_MODE: not there -> 'fast'") == 1
    assert said.count("each of the 3 tests passes") == 1
    assert said.count("to mend it, ") == 1
    for number in (1, 2, 3):
        assert said.count(f"python -m pytest -p no:randomly test_b.py::test_{number}\n") == 1
    assert said.count("AssertionError: assert 'fast' == 'safe'") == 3


def test_the_audit_shows_as_code_how_a_mistake_is_mended() -> None:
    assert audit(THREE).count('    monkeypatch.setenv("NAME", "value")') == 1


def test_many_victims_do_not_make_a_long_title() -> None:
    many = report(Verdict.UNSTABLE, *(victim(number, MODE) for number in range(1, 31)))

    assert "F1, F2, F3, F4, F5, 25 more: one mistake, 30 victims\n" in printed(many)


def test_the_report_says_where_its_commands_are_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder is named as seen from where one stands, unless it lies elsewhere."""
    monkeypatch.chdir(tmp_path)

    def said(folder: Path) -> str:
        return printed(replace(THREE, suite=replace(THREE.suite, folder=str(folder))))

    assert "run the commands of this report in this folder, " in said(tmp_path)
    assert "run the commands of this report in api, " in said(tmp_path / "api")
    assert f"run the commands of this report in {tmp_path.parent}, " in said(tmp_path.parent)
    assert "run the commands" not in printed(report(Verdict.STABLE))


def test_a_finding_in_full_names_those_that_are_the_same_mistake() -> None:
    out = io.StringIO()

    Terminal(out=out).finding(THREE.findings[1], THREE)

    assert "the same mistake as F1, F3: mend it once" in out.getvalue()
    assert "run the commands of this report in /project" in out.getvalue()
