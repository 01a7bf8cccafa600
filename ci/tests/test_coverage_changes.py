"""What of a change is covered: which lines it touches, to which statements they belong, and what of these ran."""

from __future__ import annotations

import pytest
from coverages import HELD, SETTINGS, file

from shakeproof.errors import ShakeproofError
from shakeproof.gates.coverage.changes import changed_lines, judge_changes, percent, touched
from shakeproof.gates.coverage.judging import Since, verdict
from shakeproof.gates.coverage.measured import File

GOOD = file("pkg/core/a.py")

SOURCE = '''\
"""Text."""
import os

def first(
    a,
    b=os,
):
    """Text."""
    if (
        a
        and b
    ):
        return [
            a,
            b,
        ]

    # a comment
    with open(a) as x, \\
            open(b) as y:
        pass
    try:
        a
    except (
        KeyError,
        ValueError,
    ):
        pass
    match a:
        case (
            1 |
            2
        ):
            return 2
    return a
'''
STATEMENTS = frozenset({2, 4, 9, 13, 19, 21, 22, 23, 24, 28, 29, 30, 34, 35})


@pytest.mark.parametrize(
    ("line", "statement"),
    [
        (1, None),
        (2, 2),
        (3, None),
        (4, 4),
        (6, 4),
        (8, None),
        (9, 9),
        (11, 9),
        (13, 13),
        (15, 13),
        (17, None),
        (18, None),
        (20, 19),
        (21, 21),
        (26, 24),
        (28, 28),
        (32, 30),
        (34, 34),
        (35, 35),
    ],
)
def test_a_changed_line_stands_for_its_statement(line: int, statement: int | None) -> None:
    """A line in the middle of a statement is that statement; blank lines, comments and docstrings are none."""
    measured = File("a.py", ran=STATEMENTS, taken=frozenset({(9, 13), (9, 19)}))

    found = touched(measured, frozenset({line}), SOURCE)

    assert found.ran == ({statement} if statement else set())
    assert bool(found.taken) is (statement == 9)


def test_every_statement_line_stands_for_itself() -> None:
    """What coverage.py counts is never lost, whatever statements enclose it."""
    measured = File("a.py", missing=STATEMENTS)

    assert touched(measured, STATEMENTS, SOURCE).missing == STATEMENTS


DIFF = """\
diff --git a/pkg/a.py b/pkg/a.py
--- a/pkg/a.py
+++ b/pkg/a.py
@@ -2 +2,2 @@ def f():
-old
+++ b/not/a/heading.py
+new
@@ -9,2 +10,0 @@
-gone
-gone
diff --git a/pkg/with space.py b/pkg/with space.py
--- /dev/null
+++ b/pkg/with space.py\t
@@ -0,0 +1 @@
+one
\\ No newline at end of file
"""


def test_a_diff_is_read_as_git_writes_it() -> None:
    """Content that looks like a heading is content, removed lines add none, a tab after a path is not part of it."""
    assert changed_lines(DIFF) == {
        "pkg/a.py": frozenset({2, 3}),
        "pkg/with space.py": frozenset({1}),
    }


def test_a_path_that_git_quotes_is_refused() -> None:
    """Such a file would otherwise not be found in the report."""
    with pytest.raises(ShakeproofError, match="git quotes the path"):
        changed_lines('+++ "b/pkg/\\"a.py"\n@@ -0,0 +1 @@\n+x\n')


def test_a_changed_file_that_was_not_measured_is_an_error() -> None:
    """An empty report about a changed file is no proof that all of it is tested."""
    with pytest.raises(
        ShakeproofError, match=r"pkg/new\.py changed and is not in the coverage report"
    ):
        judge_changes({"pkg/new.py": frozenset({1})}, [GOOD], {"pkg/new.py": "x = 1\n"})


def test_a_branch_of_a_changed_line_counts() -> None:
    """One line that ran and went one of two ways is two thirds."""
    measured = File(
        "a.py", ran=frozenset({1, 2}), taken=frozenset({(1, 2)}), not_taken=frozenset({(1, 3)})
    )

    changed = judge_changes({"a.py": frozenset({1})}, [measured], {"a.py": "if x:\n    y\n"})

    assert percent(changed) == pytest.approx(200 / 3)


def test_too_little_of_what_changed_fails_and_says_where_to_begin() -> None:
    """The rest of the file may be tested as well as it will."""
    source = "\n".join("x = 1" for _ in range(10))
    half = file("pkg/core/a.py", 10, 9, 0, 0)
    changed = judge_changes({half.path: frozenset({9, 10})}, [half], {half.path: source})

    answer = verdict(
        "coverage-gate", SETTINGS, [half], ratchet=HELD, since=Since("abc", changed), hidden=()
    )

    assert answer.answer == "fail"
    assert "50.00 % run in tests, and 95 % have to: begin at pkg/core/a.py:10" in answer.sentence
