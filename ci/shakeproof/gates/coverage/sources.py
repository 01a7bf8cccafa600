"""Finding and reading the Python files that count (effects)."""

from __future__ import annotations

import ast
import os
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

from shakeproof.errors import ShakeproofError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def python_files(root: Path, source: str) -> Mapping[str, Path]:
    """Return the Python files below a folder of the project, by path with forward slashes, in order.

    Hidden folders and environments are passed over, as coverage.py does. Raises ShakeproofError where there is no file.
    """
    found = {path.relative_to(root).as_posix(): path for path in sorted(_below(root / source))}
    if not found:
        raise ShakeproofError(
            f"There is no Python file below {source}: correct source in pyproject.toml."
        )
    return found


def read_source(path: Path) -> str:
    """Return the text of a Python file in the encoding that it says it has.

    Raises ShakeproofError where it cannot be read, or is no Python: nobody could say what of it has to run.
    """
    try:
        with tokenize.open(path) as file:
            text = file.read()
        ast.parse(text)
    except OSError as error:
        raise ShakeproofError(f"{path} cannot be read: {error.strerror}.") from error
    except (SyntaxError, ValueError) as error:  # UnicodeDecodeError is a ValueError
        raise ShakeproofError(f"{path} cannot be read as Python ({error}): mend it.") from error
    return text


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        here = Path(place)
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and not (here / name / "pyvenv.cfg").exists()
        ]
        yield from (here / name for name in files if name.endswith(".py"))
