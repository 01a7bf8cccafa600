"""What an investigation has gathered, and the report that is made of it at any time."""

from __future__ import annotations

from builders import declared, run, shuffled

from shakeproof.casebook import Casebook
from shakeproof.model import Status

PASSED, FAILED = Status.PASSED, Status.FAILED


def test_runs_are_judged_once_and_again_when_there_are_more() -> None:
    """At ten thousand tests a judgement takes seconds, and both a stage and its report want one."""
    book = Casebook(runs=[run(declared(), {"a": PASSED, "b": FAILED})])

    first, again = book.judge(), book.judge()
    book.runs.append(run(shuffled(3), {"b": PASSED, "a": FAILED}))

    assert again is first
    assert [each.test for each in book.judge()] == ["a", "b"]
