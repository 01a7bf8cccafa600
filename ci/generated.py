"""The parts of README.md that scripts beside this one write: printed, or put between their markers."""

from __future__ import annotations

import sys
from pathlib import Path

from shakeproof.errors import ShakeproofError
from shakeproof.gates import pages

README = Path(__file__).parent.parent / "README.md"


def print_or_write(argv: list[str], begin: str, end: str, new: str, page: Path = README) -> int:
    """Print a part of the page, or put it there if the only argument is `--write`; 2 where it has no place there."""
    if argv != ["--write"]:
        print(new)
        return 0
    try:
        text = pages.replaced(pages.read(page, begin, end), new, begin, end)
    except ShakeproofError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    page.write_text(text, encoding="utf-8")
    return 0
