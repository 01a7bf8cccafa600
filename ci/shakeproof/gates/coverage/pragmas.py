"""Counting what is taken out of account by hand (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# coverage.py's own patterns: https://coverage.readthedocs.io/en/latest/excluding.html
PRAGMA: Final = re.compile(
    r"#\s*(?:pragma|PRAGMA)[:\s]?\s*(?:no|NO)\s*(?:cover|COVER|branch|BRANCH)", re.MULTILINE
)


@dataclass(frozen=True)
class Pragma:
    """One place that hides code from the count."""

    path: str
    line: int
    text: str  # the line


def pragmas(sources: Mapping[str, str]) -> Iterator[Pragma]:
    """Find what says no cover or no branch to coverage.py, in comments and in texts: it does not tell them apart.

    A text in the head of a function hides the whole function.
    """
    for path, source in sorted(sources.items()):
        lines = source.split("\n")
        for found in PRAGMA.finditer(source):
            line = source.count("\n", 0, found.start()) + 1
            yield Pragma(path, line, lines[line - 1].strip())
