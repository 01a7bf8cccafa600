"""What is said at the end: to programs, in Markdown, and on the terminal."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from builders import finding, report

from shakeproof.errors import ShakeproofError
from shakeproof.model import (
    Cause,
    Condition,
    Experiment,
    Finding,
    Instability,
    Kind,
    Leak,
    Report,
    Verdict,
)
from shakeproof.report import phrases, state, story, words
from shakeproof.report.as_json import to_json
from shakeproof.report.from_json import read_report
from shakeproof.report.markdown import audit, verification
from shakeproof.report.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

# The contract: fields that other programs rely on. More may come, none may go.
FIELDS = {"schema", "verdict", "suite", "evidence", "findings", "leaks", "timing"}
SUITE = {"rootdir", "python", "pytest", "tests", "seed"}
EVIDENCE = {
    "experiments",
    "test_runs",
    "order_pairs_seen",
    "failure_rate_below",
    "confidence",
    "unseen_unstable",
    "incomplete",
}
FINDING = {
    "id",
    "test",
    "kind",
    "culprits",
    "cleaners",
    "causes",
    "runs",
    "failures",
    "message",
    "reproduce",
    "confirmed",
}
TIMING = {"seconds", "collection", "limit"}

UNCONFIRMED = finding(confirmed=False, tries=1)
UNTRIED = finding(confirmed=False, tries=0)
BROKEN = finding(Instability.BROKEN)
REFUTED = replace(finding(Instability.BROKEN, confirmed=False), passed=1)
REPORTS = {
    Verdict.STABLE: report(Verdict.STABLE),
    Verdict.UNSTABLE: report(Verdict.UNSTABLE, finding()),
    Verdict.FAILING: report(Verdict.FAILING, BROKEN),
    Verdict.NOTHING: report(Verdict.NOTHING),
    Verdict.INTERRUPTED: report(
        Verdict.INTERRUPTED, UNTRIED, incomplete=("3 of 7 runs: interrupted",)
    ),
}
every_verdict = pytest.mark.parametrize("shown", REPORTS.values(), ids=REPORTS)


@every_verdict
def test_a_report_is_read_back_as_it_was_written(shown: Report, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(to_json(shown), encoding="utf-8")

    assert to_json(read_report(tmp_path)) == to_json(shown)


ODD = '{"schema": "shakeproof.report/1", "verdict": "stable", "suite": [], "evidence": []}'


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "else"}', ODD, None])
def test_what_is_no_report_is_a_sentence(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "report.json").write_text(text, encoding="utf-8")

    with pytest.raises(ShakeproofError, match=r"report"):
        read_report(tmp_path)


def both_use(
    category: str, key: str, by: str = "test_b.py::test_other", *, proven: bool = False
) -> Cause:
    return Cause(Leak(by, category, key, None, None), proven=proven)


def overlapping(*causes: Cause) -> Finding:
    """Make a finding of a test that must not overlap with another, or with itself."""
    found = finding(Instability.PARALLEL_UNSAFE)
    culprits = ((found.test, "test_b.py::test_other"), (found.test, found.test))
    beside = replace(found.replay, arguments=("test_b.py::test_other",), shares_temporary=True)
    return replace(found, culprits=culprits, cleaners=(), causes=causes, copies=2, beside=beside)


def test_two_commands_at_the_same_time_are_read_back(tmp_path: Path) -> None:
    shown = overlapping()
    (tmp_path / "report.json").write_text(
        to_json(report(Verdict.UNSTABLE, shown)), encoding="utf-8"
    )

    (again,) = read_report(tmp_path).findings

    assert [each.arguments for each in again.together] == [
        ("test_b.py::test_other",),
        shown.replay.arguments,
    ]
    assert all(each.shares_temporary for each in again.together)


def test_who_must_overlap_is_said_in_words() -> None:
    assert story.because(overlapping()) == (
        "when it overlaps with test_b.py::test_other, or another run of itself",
    )


@pytest.mark.parametrize(
    ("causes", "lines"),
    [
        (
            [both_use("network", "127.0.0.1:8080")],
            [
                "both use the port 127.0.0.1:8080, which is not proven to be the cause",
                "why it matters: only one of them can have it at a time",
                "to mend it, bind port 0, and ask the socket which port it was given",
            ],
        ),
        (
            [both_use("filesystem", "TMPDIR/x", proven=True)],
            [
                "both use the file TMPDIR/x",
                "proven: with a temporary folder for each, and nothing else, the test passes",
                "why it matters: whoever writes last decides what both of them read",
                "to mend it, write below tmp_path, which each test has for itself",
            ],
        ),
        (
            [
                both_use("filesystem", "out/"),
                both_use("database", "x.sqlite3", "test_a.py::test_it"),
            ],
            [
                "it and test_b.py::test_other both use the folder out/, which is not proven to be the cause",
                "it and another run of itself both use the database x.sqlite3, which is not proven to be the cause",
                "why it matters: whoever writes last decides what both of them read",
                "why it matters: each sees the other's rows, or waits for its lock",
                "to mend it, write below tmp_path, which each test has for itself",
                "to mend it, give each test a database below tmp_path, or each worker one of its own",
            ],
        ),
    ],
)
def test_what_both_use_is_said_in_words(causes: list[Cause], lines: list[str]) -> None:
    assert list(state.causes(overlapping(*causes))) == lines


def test_what_both_use_is_said_where_no_two_tests_were_enough() -> None:
    """Then nothing is known to be worth mending."""
    found = replace(overlapping(both_use("filesystem", "x")), culprits=())

    assert story.because(found) == ()
    assert state.causes(found) == (
        "it and test_b.py::test_other both use the file x, which is not proven to be the cause",
    )


def test_a_finding_in_full_leaves_nothing_out() -> None:
    sets = tuple((f"test_a.py::test_{number}",) for number in range(20))
    out = io.StringIO()

    Terminal(out=out).finding(replace(finding(), culprits=sets, message="first\nsecond"))

    shown = out.getvalue()
    assert [test for (test,) in sets if test not in shown] == []
    assert "second" in shown
    assert "seed 5" in shown


def test_a_test_with_two_findings_is_counted_once() -> None:
    two = report(Verdict.UNSTABLE, finding(), replace(finding(), id="F2"))

    assert words.verdict(two) == "1 of 1,234 tests shown to be unstable"


def document(shown: Report) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(to_json(shown))
    return value


def printed(shown: Report, *, colour: bool = False) -> str:
    out = io.StringIO()
    Terminal(out=out, err=io.StringIO(), colour=colour, quiet=True).report(shown, "reports")
    return out.getvalue()


def test_the_verification_says_where_the_time_went() -> None:
    page = verification(report(Verdict.STABLE))

    assert "| stage | seconds |\n|---|---|\n| shuffles | 5.0 |\n| repeats | 4.0 |" in page


# For programs


@every_verdict
def test_the_document_has_every_field_of_the_contract(shown: Report) -> None:
    written = document(shown)

    assert written["schema"] == "shakeproof.report/1"
    assert written["verdict"] == shown.verdict.value
    assert written.keys() >= FIELDS
    assert written["suite"].keys() >= SUITE
    assert written["evidence"].keys() >= EVIDENCE
    assert written["timing"].keys() >= TIMING
    assert all(each.keys() >= FINDING for each in written["findings"])


def test_the_document_holds_what_was_measured() -> None:
    written = document(report(Verdict.UNSTABLE, finding(), incomplete=("all of it",)))

    assert written["suite"] == {
        "rootdir": ".", "folder": "/project",
        "interpreter": "python3", "python": "3.11.7", "pytest": "9.2.0", "tests": 1234, "seed": 99
    }  # fmt: skip
    assert written["evidence"] == {
        "experiments": {"declared": 5, "shuffled": 2},
        "test_runs": 8638,
        "order_pairs_seen": 0.75,
        "failure_rate_below": 0.3482,
        "confidence": 0.95,
        "unseen_unstable": 1.5,
        "pairs_covered": 0.0,
        "incomplete": ["all of it"],
    }
    assert written["timing"] == {
        "seconds": 12.35,
        "collection": 0.9,
        "limit": 8.1,
        "stages": [["shuffles", 5.0], ["repeats", 4.0]],
    }
    (found,) = written["findings"]
    assert (found["id"], found["test"], found["kind"]) == ("F1", "test_a.py::test_it", "victim")
    assert (found["runs"], found["failures"], found["confirmed"]) == (7, 2, True)
    assert found["culprits"] == [["test_a.py::test_other"]]
    assert found["cleaners"] == ["test_a.py::test_cleans"]
    assert found["reproduce"] == "python -m pytest -p no:randomly test_a.py::test_it"
    (listed,) = written["runs"]
    assert (listed["label"], listed["seed"], listed["hash_seed"]) == ("seed 3", 3, None)


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.STABLE, 0),
        (Verdict.UNSTABLE, 1),
        (Verdict.FAILING, 3),
        (Verdict.NOTHING, 4),
        (Verdict.INTERRUPTED, 130),
    ],
)
def test_each_verdict_has_its_exit_status(verdict: Verdict, status: int) -> None:
    assert REPORTS[verdict].exit_status == status


# In Markdown


@every_verdict
def test_both_pages_open_with_the_verdict(shown: Report) -> None:
    for page in (audit(shown), verification(shown)):
        assert page.partition("\n")[0].endswith(f": {shown.verdict.value}")
        assert page.endswith("\n")
        assert not page.endswith("\n\n")


def test_the_audit_names_test_kind_reason_and_command() -> None:
    page = audit(REPORTS[Verdict.UNSTABLE])

    assert "## F1: `test_a.py::test_it`" in page
    assert "**victim**" in page
    assert "AssertionError: assert 'fast' == 'safe'" in page
    assert "```sh\npython -m pytest -p no:randomly test_a.py::test_it\n```" in page


def test_an_audit_of_a_stable_suite_says_that_nothing_was_found() -> None:
    assert "No test changed its outcome" in audit(REPORTS[Verdict.STABLE])


def test_the_verification_lists_runs_evidence_and_what_was_not_done() -> None:
    page = verification(REPORTS[Verdict.INTERRUPTED])

    assert "| seed 3 | 3 | - | 1234 | 1 | 1 | 2.0 |" in page
    assert "5 in the declared order, 2 shuffled" in page
    assert "master seed: 99" in page
    assert "not done: 3 of 7 runs: interrupted" in page


def test_a_bar_in_a_label_does_not_end_the_table_cell() -> None:
    page = verification(report(Verdict.STABLE, label="alone #1 test_a.py::t[a|b]"))

    assert r"| alone #1 test_a.py::t[a\|b] | 3 |" in page


# In words


def test_every_kind_of_finding_and_of_run_has_its_words() -> None:
    assert all(story.meaning(kind) for kind in Instability)
    assert set(dict(words.KIND_WORDS)) == set(Kind)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (1234, "1,234 runs")]
)
def test_numbers_agree_with_their_nouns(count: int, text: str) -> None:
    assert phrases.plural(count, "run") == text


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (REPORTS[Verdict.STABLE], "each with the same outcome in every run"),
        (report(Verdict.STABLE, UNCONFIRMED), "1 looked unstable, but no fresh process"),
        (report(Verdict.UNSTABLE, finding(), UNCONFIRMED), "1 of 1,234 tests shown"),
        (report(Verdict.UNSTABLE, finding(), BROKEN), "and 1 failing in every run"),
        (
            report(Verdict.STABLE, REFUTED),
            "tests, of which 1 could not be judged: it fails wherever",
        ),
        (report(Verdict.STABLE, REFUTED, REFUTED), "of which 2 could not be judged: they fail"),
        (report(Verdict.STABLE, REFUTED, UNCONFIRMED), "in a fresh process; 1 looked unstable"),
        (report(Verdict.UNSTABLE, finding(), REFUTED), "to be unstable; 1 could not be judged"),
        (report(Verdict.FAILING, BROKEN, REFUTED), "but 1 of 1,234 tests failing in every run; 1"),
        (REPORTS[Verdict.FAILING], "1 of 1,234 tests failing in every run"),
        (REPORTS[Verdict.INTERRUPTED], "stopped early; what 1 run had shown"),
    ],
)
def test_the_verdict_counts_what_it_rests_on(shown: Report, text: str) -> None:
    assert text in words.verdict(shown)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (finding(), "confirmed: this command showed it in a fresh process"),
        (finding(tries=4), "confirmed: this command showed it in 1 of 4 fresh processes"),
        (
            replace(finding(), counter_check=True),
            "confirmed: this command showed it in a fresh process, and the test alone passed",
        ),
        (
            replace(UNCONFIRMED, shown=1, counter_check=False),
            "not confirmed: this command showed it in 1 of 1 fresh process, but the test alone failed too",
        ),
        (UNCONFIRMED, "not confirmed: this command did not show it in 1 fresh process"),
        (UNTRIED, "not confirmed: this command was not run"),
        (
            replace(UNCONFIRMED, refusal="not found: test_a.py"),
            "not confirmed: this command could not be run, for pytest says: not found: test_a.py",
        ),
    ],
)
def test_a_confirmation_says_how_often_it_was_tried(found: Finding, text: str) -> None:
    assert story.confirmation(found) == text


def test_a_broken_test_that_passes_by_itself_is_put_down_to_what_was_different() -> None:
    """Else nobody knows what to make of it. Where the budget ended before it was run alone, others may be to blame."""
    said = story.confirmation(REFUTED)

    assert "failed in every run of the laboratory and passed in 1 of 1 fresh process" in said
    assert said.endswith("something in the way Shakeproof runs it, or a test that ran before it")


@pytest.mark.parametrize(
    ("failures", "text"),
    [
        (2, "failed in 2 of the 7 runs that it was part of"),
        (7, "failed in every run that it was part of: 7"),
    ],
)
def test_how_often_a_test_failed_is_said_in_numbers(failures: int, text: str) -> None:
    assert story.seen_in(replace(finding(), failures=failures)) == text


# On the terminal


@every_verdict
def test_the_terminal_says_the_verdict_first(shown: Report) -> None:
    assert printed(shown).strip().startswith(f"{shown.verdict.value}: ")


def test_the_terminal_names_test_and_command() -> None:
    shown = printed(REPORTS[Verdict.UNSTABLE])

    assert "F1 victim test_a.py::test_it" in shown
    assert "python -m pytest -p no:randomly test_a.py::test_it" in shown
    assert "report: reports" in shown


@every_verdict
def test_colour_adds_nothing_but_colour(shown: Report) -> None:
    plain, coloured = printed(shown), printed(shown, colour=True)

    assert "\033" not in plain
    assert "\033[" in coloured
    for code in ("1;32", "1;31", "1;33", "31", "32", "33", "1", "0"):
        coloured = coloured.replace(f"\033[{code}m", "")
    assert coloured == plain


LEAP_DAY = Condition(
    "date 2028-02-29 (leap day)",
    "clock",
    "date",
    "2026-11-21",
    "2028-02-29",
    environment=(("A", "b"),),
    code="pass",
    elsewhere=True,
    wrapper="({})",
)


def minding(kind: Instability) -> Finding:
    """Make a finding that takes another date to show itself."""
    leak = Leak("", LEAP_DAY.category, LEAP_DAY.key, LEAP_DAY.before, LEAP_DAY.after)
    return replace(
        finding(kind),
        culprits=(),
        replay=Experiment("confirm F1", Kind.REPLAY, arguments=("a",), condition=LEAP_DAY),
        causes=(Cause(leak, proven=True),),
        counter_check=True,
    )


def test_a_condition_is_named_and_read_back_for_replay(tmp_path: Path) -> None:
    shown = report(Verdict.UNSTABLE, minding(Instability.CLOCK), finding())
    (tmp_path / "report.json").write_text(to_json(shown), encoding="utf-8")

    assert [each["condition"] for each in document(shown)["findings"]] == [LEAP_DAY.name, None]
    assert [each.condition for each in read_report(tmp_path).findings] == [LEAP_DAY, None]


@pytest.mark.parametrize("kind", [Instability.CLOCK, Instability.NON_DETERMINISTIC])
def test_a_finding_under_a_condition_says_so_and_how_to_mend_it(kind: Instability) -> None:
    """`identical conditions` would be wrong: it is not chance."""
    shown = printed(report(Verdict.UNSTABLE, minding(kind)))

    assert "identical conditions" not in shown
    assert "fails under another condition, and passes without it: date 2028-02-29" in shown
    assert "what was changed: date: 2026-11-21 -> 2028-02-29" in shown
    assert "proven: with that as usual, and nothing else changed, the test passes" in shown
    assert "to mend it, pass the time in" in shown
    assert "a fresh process, and the same without that condition passed" in shown
