"""What the benchmark gate says of what it found out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from shakeproof.gates.benchmarks.instructions import Counted
from shakeproof.gates.benchmarks.judge import Interval, Judgement, Round
from shakeproof.gates.benchmarks.report import judged
from shakeproof.gates.benchmarks.series import Decision
from shakeproof.gates.verdict import as_document, as_markdown, as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shakeproof.gates.benchmarks.judge import State
    from shakeproof.gates.verdict import Answer, Verdict

NAME = "a.py::test_a"
EVEN = Interval(0.99, 1.0, 1.01)
ANSWERS: Mapping[State, Answer] = {
    "pass": "pass",
    "slower": "fail",
    "undecided": "inconclusive",
    "noisy": "inconclusive",
}


def decision(state: State, change: Interval = EVEN, noise: Interval = EVEN) -> Decision:
    """Make what was found out about one benchmark."""
    judgement = Judgement(state, change, noise, 12)
    return Decision(
        NAME, ANSWERS[state], 0.05, judgement, judgement, (Round.of_minima(0.1, 0.1, 0.1),) * 12
    )


def said(found: Decision, counted: Mapping[str, Counted] | None = None) -> Verdict:
    """Report on it alone."""
    return judged([found], counted or {}, (), commit="0123456789abcdef", seed=7, seconds=90)


@pytest.mark.parametrize(
    ("found", "sentence", "note"),
    [
        (decision("pass"), "No benchmark is slower than 0123456789ab by its tolerance.", ""),
        (decision("pass", Interval(0.6, 0.7, 0.8)), f"by its tolerance. Faster: {NAME}.", ""),
        (
            decision("slower", Interval(1.06, 1.1, 1.14)),
            f"Slower than 0123456789ab: {NAME}.",
            "slower: +10.0% (+6.0% to +14.0%) over 12 rounds, measured a second time",
        ),
        (
            decision("undecided", Interval(0.9, 1.0, 1.2)),
            f"cannot be told for {NAME}: ask again",
            "not decided: +0.0% (-10.0% to +20.0%) over 12 rounds, tolerance 5.0%",
        ),
        (
            decision("noisy", noise=Interval(1.05, 1.1, 1.2)),
            f"cannot be told for {NAME}",
            "too noisy: the base differs from itself by +10.0% (+5.0% to +20.0%)",
        ),
    ],
    ids=["pass", "faster", "slower", "undecided", "noisy"],
)
def test_each_answer_is_explained(found: Decision, sentence: str, note: str) -> None:
    """The sentence names the benchmark, and a note has the numbers and why."""
    verdict = said(found)

    assert verdict.answer == found.answer
    assert sentence in verdict.sentence
    assert note in verdict.notes[0]
    assert verdict.notes[-1] == "Seed 7; 90 s."


def test_instructions_never_decide_and_are_told() -> None:
    """A benchmark that passes by its time passes; that it takes more instructions is pointed out."""
    counted = {NAME: Counted(1000.0, 1200.0)}

    passing, unclear = said(decision("pass"), counted), said(decision("undecided"), counted)

    assert (passing.answer, unclear.answer) == ("pass", "inconclusive")
    assert "takes +20.0% instructions; instructions alone never fail" in passing.notes[0]
    assert "It takes +20.0% instructions." in unclear.notes[0]
    assert said(decision("pass"), {NAME: Counted(1000.0, 1010.0)}).notes == ("Seed 7; 90 s.",)


def test_programs_find_every_number() -> None:
    """The report holds what was measured, so that anybody can judge it again."""
    document = json.loads(
        json.dumps(as_document(said(decision("pass"), {NAME: Counted(1000.0, 1010.0)})))
    )

    (one,) = document["benchmarks"]
    assert document["base"] == "0123456789abcdef"
    assert (
        one["rounds"]
        == [{"base": 0.1, "head": 0.1, "again": 0.1, "change": 1.0, "noise": 1.0}] * 12
    )
    assert one["change"] == {"low": 0.99, "ratio": 1.0, "high": 1.01}
    assert one["instructions"] == {"base": 1000.0, "head": 1010.0, "ratio": 1.01}


def test_people_find_a_row_for_each_benchmark() -> None:
    """On the job's page and on the terminal."""
    verdict = said(decision("pass"), {NAME: Counted(1000.0, 1010.0)})

    row = "| a.py::test_a | 100 ms | 100 ms | +0.0% | -1.0% to +1.0% | +0.0% | 12 | 5.0% | +1.0% | pass |"
    assert row in as_markdown(verdict)
    assert f"{NAME}  100 ms  100 ms" in as_text(verdict)
