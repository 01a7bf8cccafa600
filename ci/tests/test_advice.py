"""What reports say about what was left behind, and how it is mended."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from builders import finding, report

from shakeproof.lab.records import Record
from shakeproof.model import Cause, Instability, Leak, Verdict
from shakeproof.report import words
from shakeproof.report.advice import advice_for, advice_for_condition
from shakeproof.report.as_json import to_json
from shakeproof.report.from_json import read_report
from shakeproof.report.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

# As the contract has them.
CATEGORIES = (
    *("environment", "settings", "cache", "database", "global", "import", "cwd", "filesystem"),
    *("logging", "warnings", "random", "clock", "timezone", "locale", "thread", "network"),
)
MODE = Leak("test_a.py::test_sets", "environment", "APP_MODE", None, "'fast'")
TABLE = Leak("test_a.py::test_sets", "global", "app.TABLE", "{}", "{'it': 1}")


def with_causes(*causes: Cause, kind: Instability = Instability.VICTIM) -> tuple[str, ...]:
    return words.causes(replace(finding(kind), causes=causes))


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_has_its_own_advice(category: str) -> None:
    advice = advice_for(category)

    assert advice.short
    assert advice.lines
    assert (advice == advice_for("global")) == (category == "global")


@pytest.mark.parametrize(
    "category", ["timezone", "clock", "locale", "network", "cwd", "descriptors", "cpu"]
)
def test_what_a_test_takes_for_granted_has_advice_of_its_own(category: str) -> None:
    """It is another one than for what a test leaves behind: nothing has to be put back."""
    advice = advice_for_condition(category)

    assert advice.lines
    assert advice not in (advice_for(category), advice_for_condition("global"))


def test_a_proven_cause_says_what_was_put_back_and_how_to_mend_it() -> None:
    assert with_causes(Cause(MODE, proven=True)) == (
        "proven: environment APP_MODE: not there -> 'fast' (put back: it passes)",
        "to mend it, use monkeypatch.setenv or monkeypatch.delenv",
    )


def test_causes_that_only_help_together_name_each_other() -> None:
    first, *_ = with_causes(Cause(MODE, proven=False, together=("app.TABLE",)))

    assert (
        first
        == "proven: environment APP_MODE: not there -> 'fast' (put back with app.TABLE: it passes)"
    )


def test_what_is_not_proven_is_called_so_and_gets_no_advice() -> None:
    assert with_causes(Cause(TABLE, proven=False)) == (
        "perhaps: global app.TABLE: {} -> {'it': 1} (not proven)",
    )


def test_a_brittle_test_is_told_what_it_needs_and_not_to_mend_its_state_setter() -> None:
    assert with_causes(Cause(TABLE, proven=True), kind=Instability.BRITTLE) == (
        "proven: global app.TABLE: {} -> {'it': 1} (kept, with all else put back: it passes)",
    )


def test_a_finding_in_full_shows_the_lines_that_mend_it() -> None:
    out = io.StringIO()

    Terminal(out=out).finding(replace(finding(), causes=(Cause(MODE, proven=True),)))

    assert 'monkeypatch.setenv("NAME", "value")' in out.getvalue()


def test_causes_and_leaks_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    found = replace(
        finding(), causes=(Cause(MODE, proven=True), Cause(TABLE, proven=False, together=("it",)))
    )
    shown = replace(report(Verdict.UNSTABLE, found), leaks=(MODE, TABLE))

    (tmp_path / "report.json").write_text(to_json(shown), encoding="utf-8")

    assert to_json(read_report(tmp_path)) == to_json(shown)
    (first, _) = json.loads(to_json(shown))["findings"][0]["causes"]
    assert first == {
        "category": "environment",
        "key": "APP_MODE",
        "before": None,
        "after": "'fast'",
        "by": "test_a.py::test_sets",
        "proven": True,
        "together": [],
    }


@pytest.mark.parametrize(
    ("key", "after"),
    [
        ("APP_API_KEY", "***"),
        ("APP_MODE", "'fast'"),
        ("secrets.compare_digest", "<function test_it.<lambda>>"),
        ("DATABASE_URL", "'postgresql://me:***@host/db'"),
    ],
)
def test_the_values_of_secrets_never_get_into_a_record(key: str, after: str) -> None:
    given = {
        "APP_API_KEY": "'hunter2'",
        "APP_MODE": "'fast'",
        "secrets.compare_digest": "<function test_it.<lambda>>",
        "DATABASE_URL": "'postgresql://me:hunter2@host/db'",
    }
    record = Record()

    change = ["environment", key, None, given[key], "environment", True]
    record.take({"event": "left", "test": "test_it", "changes": [change]})

    assert [each.after for each in record.left] == [after]
