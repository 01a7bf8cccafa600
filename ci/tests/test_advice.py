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
from shakeproof.report import state, story, words
from shakeproof.report.advice import advice_for, advice_for_condition, advice_on_import
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
    return state.causes(replace(finding(kind), causes=causes))


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_has_its_own_advice(category: str) -> None:
    advice = advice_for(category)

    assert advice.short
    assert advice.why
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
        "which leaves behind: environment variable APP_MODE: not there -> 'fast'",
        "proven: with that put back, and nothing else, the test passes",
        f"why it matters: {advice_for('environment').why}",
        "to mend it, use monkeypatch.setenv or monkeypatch.delenv",
    )


def proof(*causes: Cause, kind: Instability = Instability.VICTIM) -> tuple[str, ...]:
    """Give the sentences that say what was tried."""
    return tuple(each for each in with_causes(*causes, kind=kind) if each.startswith("proven: "))


def test_causes_that_only_help_together_are_put_back_together() -> None:
    both = (
        Cause(MODE, proven=False, together=("app.TABLE",)),
        Cause(TABLE, proven=False, together=("APP_MODE",)),
    )

    assert proof(*both) == ("proven: with both put back, and nothing else, the test passes",)


def test_one_of_several_that_each_help_is_enough() -> None:
    assert proof(Cause(MODE, proven=True), Cause(TABLE, proven=True)) == (
        "proven: with any one of these put back, and nothing else, the test passes",
    )


def test_what_one_needs_alone_and_others_together_is_named() -> None:
    """With several sets nobody could tell which is meant by "both"."""
    other = Leak("test_b.py::test_sets", "cwd", "cwd", "'/a'", "'/b'")
    said = proof(
        Cause(MODE, proven=False, together=("app.TABLE",)),
        Cause(TABLE, proven=False, together=("APP_MODE",)),
        Cause(other, proven=True),
    )

    assert said == (
        "proven: with APP_MODE and app.TABLE put back, and nothing else, the test passes",
        "proven: with cwd put back, and nothing else, the test passes",
    )


def test_of_several_culprits_each_is_named_with_what_it_leaves() -> None:
    found = replace(
        finding(),
        culprits=(("test_a.py::test_sets",), ("test_b.py::test_sets",)),
        causes=(Cause(MODE, proven=True),),
    )

    (said, *_) = state.causes(found)

    assert said.startswith("test_a.py::test_sets leaves behind: environment variable APP_MODE")


def test_what_a_cached_function_keeps_is_called_so() -> None:
    kept = Leak("test_a.py::test_sets", "settings", "app.get_settings()", "empty", "1 entry")

    assert state.piece(kept) == "settings kept by app.get_settings(): empty -> 1 entry"
    assert state.piece(replace(kept, key="app.SETTINGS")).startswith("settings app.SETTINGS: ")


def test_what_is_not_proven_is_called_so_and_gets_no_advice() -> None:
    assert with_causes(Cause(TABLE, proven=False)) == (
        "seen to change: global app.TABLE: {} -> {'it': 1}, which is not proven to be the cause",
    )


def test_a_brittle_test_is_told_what_it_needs_and_not_to_mend_its_state_setter() -> None:
    assert with_causes(Cause(TABLE, proven=True), kind=Instability.BRITTLE) == (
        "which sets up: global app.TABLE: {} -> {'it': 1}",
        "proven: with that kept, and all else put back, the test passes",
        f"why it matters: {advice_for('global').why}",
    )


@pytest.mark.parametrize("category", CATEGORIES)
def test_what_is_done_on_import_is_to_be_done_in_a_fixture(category: str) -> None:
    advice = advice_on_import(category)

    assert "fixture" in advice.short
    assert advice.lines


def test_a_cause_on_import_names_the_file_that_does_it() -> None:
    """It may be a conftest.py that comes with the culprit."""
    mode = replace(MODE, by="sub/conftest.py")

    assert with_causes(Cause(mode, proven=True), kind=Instability.IMPORT_POLLUTED) == (
        "sub/conftest.py leaves behind when it is imported: environment variable APP_MODE: not there -> 'fast'",
        "proven: with that put back right after the import, and nothing else, the test passes",
        f"why it matters: {advice_for('environment').why}",
        "to mend it, set it with monkeypatch.setenv in a fixture, not while the file is imported",
    )


def test_the_command_for_what_is_done_on_import_says_that_it_imports() -> None:
    found = replace(
        finding(Instability.IMPORT_POLLUTED), culprits=(("test_b.py",),), counter_check=True
    )
    arguments = ("test_a.py::test_it", "test_b.py", "--deselect=test_b.py")
    shown = replace(found, replay=replace(found.replay, arguments=arguments))

    assert story.confirmation(shown) == (
        "confirmed: this command, which imports test_b.py and runs none of its tests, showed it in a fresh process, "
        "and the test without that import passed"
    )
    # Where the command could not name the file, it runs everything.
    assert story.confirmation(found).startswith("confirmed: this command showed it")


def test_what_files_leave_is_told_apart_from_what_tests_leave() -> None:
    by_file = replace(TABLE, by="test_b.py")

    told = words.leaks(replace(report(Verdict.STABLE), leaks=(MODE, by_file)))

    assert told == (
        (
            "1 test left 1 piece of state changed, whether or not a test minds: report.json lists them under leaks, "
            "such as environment variable APP_MODE, by test_a.py::test_sets"
        ),
        (
            "1 file left 1 piece of state changed by being imported, whether or not a test minds: report.json lists "
            "them under leaks, such as global app.TABLE, by test_b.py"
        ),
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
