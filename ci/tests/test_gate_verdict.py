"""The shape that all gates answer in: status, files, and what reaches the terminal."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shakeproof.errors import NothingToJudgeError, ShakeproofError
from shakeproof.gates.verdict import Answer, Table, Verdict, masked, settle, worst

if TYPE_CHECKING:
    from pathlib import Path

STATUS: tuple[tuple[Answer, int], ...] = (
    ("pass", 0),
    ("fail", 1),
    ("error", 2),
    ("inconclusive", 5),
)


@pytest.mark.parametrize(("answer", "status"), STATUS)
def test_each_answer_has_its_status_and_is_written_three_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: Answer, status: int
) -> None:
    """Programs, job pages and terminals read the same answer."""
    verdict = Verdict(
        "some-gate",
        answer,
        "So it is.",
        notes=("Because.",),
        tables=(Table("Numbers", (("name", "value"), ("a|b", "1"))),),
        details={"numbers": [1]},
    )

    assert settle("some-gate", lambda: verdict, tmp_path) == status

    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    page = (tmp_path / "summary.md").read_text(encoding="utf-8")
    text = (tmp_path / "summary.txt").read_text(encoding="utf-8")
    assert (report["schema"], report["verdict"], report["exit_status"], report["numbers"]) == (
        "shakeproof.gate/1",
        answer,
        status,
        [1],
    )
    assert page.startswith(f"# some-gate: {answer}\n\nSo it is.\n")
    assert "| a\\|b | 1 |" in page
    assert text.endswith(f"Because.\nsome-gate: {answer}. So it is.\n")
    said = capsys.readouterr()
    assert (said.err if answer == "error" else said.out) == text


@pytest.mark.parametrize("error", [ShakeproofError, NothingToJudgeError])
def test_what_cannot_be_judged_replaces_the_last_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], error: type[ShakeproofError]
) -> None:
    """An error is one sentence, status 2, and no older answer is left beside it."""
    settle("some-gate", lambda: Verdict("some-gate", "pass", "All is well."), tmp_path)
    capsys.readouterr()

    def judge() -> Verdict:
        raise error("The file is gone: make it anew.")

    assert settle("some-gate", judge, tmp_path) == 2
    assert capsys.readouterr().err == "some-gate: error. The file is gone: make it anew.\n"
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["verdict"] == "error"


def test_an_interruption_is_130_and_decides_nothing(tmp_path: Path) -> None:
    """Ctrl-C leaves a report that no one can take for an answer."""

    def judge() -> Verdict:
        raise KeyboardInterrupt

    assert settle("some-gate", judge, tmp_path) == 130
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["verdict"] == "error"


def test_a_report_that_cannot_be_written_is_not_green(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pass that nobody can read later is an error; what was found is printed all the same."""
    (tmp_path / "file").touch()

    status = settle("some-gate", lambda: Verdict("some-gate", "pass", "Yes."), tmp_path / "file")

    assert status == 2
    said = capsys.readouterr()
    assert "could not be written" in said.err
    assert "some-gate: pass. Yes." in said.out


def test_secrets_are_masked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a command line or a test's parameters gave away is given away no further, whatever part it stands in."""
    verdict = Verdict(
        "some-gate",
        "fail",
        "API_KEY=secret1 was seen.",
        notes=("TOKEN=secret2 too",),
        tables=(
            Table(
                "With PASSWORD=secret3",
                (("test", "said"), ("test_x[postgres://u:secret4@db/x]", "COOKIE=secret5")),
            ),
        ),
        details={
            "tests": ({"test": "test_x[postgres://u:secret6@db/x]"}, ["AUTH=secret7"]),
            "by_name": {"test_x[postgres://u:secret8@db/x]": 1.5},
            "environment": {"API_TOKEN": "secret9"},
        },
    )

    settle("some-gate", lambda: verdict, tmp_path)

    texts = [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()]
    said = capsys.readouterr()
    assert len(texts) == 3
    assert "secret" not in "".join((*texts, said.out, said.err))
    assert all("***" in text for text in texts)


def test_masking_hides_secrets_and_nothing_else() -> None:
    """What is no secret stays as it is, and two names that differ in their secret alone stay two."""
    details: dict[str, object] = {
        "x[http://u:one@h]": 1,
        "x[http://u:two@h]": True,
        "numbers": [1, 2.5, None, "plain"],
    }
    verdict = Verdict("g", "pass", "Yes.", ("A note.",), (Table("T", (("a", "b"),)),), details)

    seen = masked(verdict)

    assert seen == masked(seen)
    assert replace(seen, details={}) == replace(verdict, details={})
    assert seen.details == {
        "x[http://u:***@h]": 1,
        "x[http://u:***@h] (2)": True,
        "numbers": [1, 2.5, None, "plain"],
    }


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((), "pass"),
        (("pass", "inconclusive"), "inconclusive"),
        (("inconclusive", "error"), "error"),
        (("error", "fail", "inconclusive", "pass"), "fail"),
    ],
)
def test_the_whole_is_as_good_as_its_worst_part(
    answers: tuple[Answer, ...], expected: Answer
) -> None:
    """A failure that was shown outweighs what could not be asked, and that what could not be told."""
    assert worst(answers) == expected
