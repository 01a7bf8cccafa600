"""Writing files so that nothing is ever half there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from shakeproof.errors import ShakeproofError

if TYPE_CHECKING:
    from collections.abc import Iterable


def write_text(path: Path, text: str) -> None:
    """Write a file beside its place, then put it there in one step: a reader sees the old text or the new.

    Folders that are missing are made.
    Raises ShakeproofError where the folder cannot be written or the disk is full; the old file is then as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    except OSError as error:
        raise ShakeproofError(_sentence(path, error)) from error
    try:
        # A failure's message may quote half a character: it is then written as an escape, as JSON would have it.
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        Path(beside).chmod(0o644)
        Path(beside).replace(path)
    except OSError as error:
        Path(beside).unlink(missing_ok=True)
        raise ShakeproofError(_sentence(path, error)) from error


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write one line for each, with `write_text`."""
    write_text(path, "".join(f"{line}\n" for line in lines))


def make_folder(path: Path, option: str = "--out") -> None:
    """Make a folder, with those above it, and see that it can be written to.

    Raises ShakeproofError where it cannot.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ShakeproofError(
            f"The report folder {path} cannot be written ({_reason(error)}): "
            f"name another one with {option}."
        ) from error


def _sentence(path: Path, error: OSError) -> str:
    return (
        f"{path} could not be written ({_reason(error)}); "
        "what was there before is unchanged: make room or name another place."
    )


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
