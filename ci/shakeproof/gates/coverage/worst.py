"""Where the largest holes are (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

PLACE: Final = re.compile(r"^\| ([^|\[]+\.py):(\d+) \|", re.MULTILINE)  # first in its row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shakeproof.gates.coverage.measured import File


@dataclass(frozen=True)
class Hole:
    """Code of one file, in one stretch, that no test ran; or a decision that always went one way."""

    path: str
    line: int
    last: int
    lines: int  # that did not run
    branches: int  # that were not taken, from lines of this stretch
    what: str

    @property
    def link(self) -> str:
        """Where it begins, as terminals and editors open it."""
        return f"{self.path}:{self.line}"


def holes(files: Iterable[File]) -> tuple[Hole, ...]:
    """List what is not covered, the most at a place first, then by place."""
    found = [hole for file in files for hole in _of(file)]
    return tuple(sorted(found, key=lambda one: (-one.lines - one.branches, one.path, one.line)))


def linked(page: str, up: str) -> str:
    """Make links of the places in a table of Markdown; `up` leads from the page's folder to the project's."""
    return PLACE.sub(
        lambda found: f"| [{found[1]}:{found[2]}]({quote(f'{up}/{found[1]}')}#L{found[2]}) |", page
    )


def _of(file: File) -> Iterator[Hole]:
    for stretch in _stretches(file):
        inside = frozenset(stretch)
        ways = sum(arc[0] in inside for arc in file.not_taken)
        what = "never runs" if len(stretch) == 1 else f"{len(stretch)} lines never run"
        yield Hole(file.path, stretch[0], stretch[-1], len(stretch), ways, what)
    for line in sorted({begin for begin, _ in file.not_taken} & file.ran):
        targets = sorted(end for begin, end in file.not_taken if begin == line)
        where = " or ".join("its end" if end < 0 else f"line {end}" for end in targets)
        yield Hole(file.path, line, line, 0, len(targets), f"never goes on to {where}")


def _stretches(file: File) -> Iterator[list[int]]:
    """Give the missing lines in runs that no line which ran interrupts."""
    run: list[int] = []
    for line in sorted(file.missing | file.ran):
        if line in file.missing:
            run.append(line)
        elif run:
            yield run
            run = []
    if run:
        yield run
