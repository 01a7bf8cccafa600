"""Which lines of which files a change touches, and what of them ran (pure).

Not by diff-cover 11: a changed line in the middle of a statement is invisible to it, and with
`--expand-coverage-report` blank lines and comments count as code. Here a changed line stands for the statement that it
belongs to.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.coverage.measured import Figures, File, percentage, total

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


HUNK: Final = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")
NEW: Final = "+++ b/"
BODY: Final = (ast.stmt, ast.ExceptHandler, ast.match_case)
PLACED: Final = (
    ast.stmt,
    ast.expr,
    ast.ExceptHandler,
    ast.pattern,
    ast.arg,
    ast.keyword,
    ast.alias,
)


@dataclass(frozen=True)
class Changed:
    """What of one file's changed lines is code, and ran."""

    path: str
    touched: File  # of the file's lines and branches only those that were changed

    @property
    def figures(self) -> Figures:
        """Count them."""
        return self.touched.figures


def changed_lines(diff: str) -> Mapping[str, frozenset[int]]:
    """Read `git diff --unified=0`: the lines that are new or other, by path; a file that only lost lines has none.

    Raises ShakeproofError for a path that git has to quote.
    """
    lines: dict[str, frozenset[int]] = {}
    path = ""
    left = 0  # of a hunk, lines that are content: one may look like a heading
    for line in diff.split("\n"):  # not splitlines: a form feed ends no line for git
        if left:
            left -= line.startswith(("+", "-"))
        elif line.startswith('+++ "'):
            raise ShakeproofError(
                f"git quotes the path {line[4:]}: rename the file without quotes and control characters."
            )
        elif line.startswith(NEW):
            path = line.removeprefix(NEW).rstrip("\t")
            lines[path] = frozenset()
        elif hunk := HUNK.match(line):
            first, count = int(hunk[1]), int(hunk[2] or 1)
            lines[path] |= frozenset(range(first, first + count))
            left = count + _removed(line)
    return lines


def judge_changes(
    changes: Mapping[str, frozenset[int]], files: Iterable[File], sources: Mapping[str, str]
) -> tuple[Changed, ...]:
    """Say what of the changed lines ran, file by file; `sources` are the texts of the changed files.

    Raises ShakeproofError for a changed file that the report lacks: it was not measured, and would count as covered.
    """
    measured = {file.path: file for file in files}
    lost = sorted(changes.keys() - measured.keys())
    if lost:
        raise ShakeproofError(
            f"{', '.join(lost)} changed and is not in the coverage report: measure it, or say in pyproject.toml "
            "(elsewhere) why that cannot be."
        )
    return tuple(
        Changed(path, touched(measured[path], lines, sources[path]))
        for path, lines in sorted(changes.items())
    )


def touched(file: File, lines: frozenset[int], source: str) -> File:
    """Cut a file down to the statements that the changed lines belong to, and to the branches that begin there."""
    statements = file.ran | file.missing
    begins = dict(_beginnings(source, statements))
    kept = frozenset(begins[line] for line in lines if line in begins)
    return File(
        path=file.path,
        ran=file.ran & kept,
        missing=file.missing & kept,
        excluded=file.excluded & lines,
        taken=frozenset(arc for arc in file.taken if arc[0] in kept),
        not_taken=frozenset(arc for arc in file.not_taken if arc[0] in kept),
    )


def percent(changed: Sequence[Changed]) -> float:
    """Give what ran of all changed lines and branches, in percent."""
    figures = total(each.touched for each in changed)
    return percentage(
        figures.covered_lines + figures.covered_branches, figures.lines + figures.branches
    )


def _beginnings(source: str, statements: frozenset[int]) -> Iterator[tuple[int, int]]:
    """Give each line of code with the line by which coverage.py knows its statement.

    Of a statement with a body only the head is meant; outer statements come first, so that inner ones win.
    """
    for node in ast.walk(ast.parse(source)):  # which is Python: it was read as such
        if not isinstance(node, BODY):
            continue
        first, last = _extent(node)
        if isinstance(
            node, ast.match_case
        ):  # which has no place of its own: its pattern may begin a line later
            first = max((line for line in statements if line <= first), default=first)
        own = sorted(line for line in statements if first <= line <= last)
        for line in range(own[0], last + 1) if own else ():
            yield line, max(known for known in own if known <= line)


def _extent(node: ast.AST) -> tuple[int, int]:
    """Give the first and the last line of a statement, or of the head of one with a body."""
    parts = [node, *_head(node)]
    lines = [part.lineno for part in parts if isinstance(part, PLACED)]
    inner = any(isinstance(child, BODY) for child in ast.iter_child_nodes(node))
    ends = parts[1:] if inner else parts
    lasts = [part.end_lineno or part.lineno for part in ends if isinstance(part, PLACED)]
    return min(lines), max(lines + lasts)


def _head(node: ast.AST) -> Iterator[ast.AST]:
    """Give all that a statement consists of, but for the statements in it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, BODY):
            yield child
            yield from _head(child)


def _removed(hunk: str) -> int:
    """Say how many lines a hunk takes away."""
    old = hunk.split(" ", 2)[1]
    return int(old.partition(",")[2] or 1)
