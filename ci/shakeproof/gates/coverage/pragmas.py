"""Counting what is taken out of account by hand (pure)."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# coverage.py's own patterns: https://coverage.readthedocs.io/en/latest/excluding.html
PRAGMA: Final = re.compile(r"#\s*(?:pragma|PRAGMA)[:\s]?\s*(?:no|NO)\s*(cover|COVER|branch|BRANCH)")


@dataclass(frozen=True)
class Pragma:
    """One comment that hides code from the count."""

    path: str
    line: int
    text: str


def pragmas(sources: Mapping[str, str]) -> Iterator[Pragma]:
    """Find the comments `# pragma: no cover` and `# pragma: no branch`; a text that looks like one is none.

    Raises ShakeproofError for a file that is not Python.
    """
    for path, source in sorted(sources.items()):
        try:
            for token in tokenize.generate_tokens(io.StringIO(source).readline):
                if token.type == tokenize.COMMENT and PRAGMA.search(token.string):
                    yield Pragma(path, token.start[0], token.string)
        except (tokenize.TokenError, SyntaxError) as error:
            raise ShakeproofError(f"{path} cannot be read as Python: {error}.") from error
