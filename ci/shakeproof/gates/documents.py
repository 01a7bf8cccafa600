"""Reading what other tools wrote, and laying out tables of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from shakeproof.errors import ShakeproofError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def read_object(path: Path) -> Mapping[str, object]:
    """Return the JSON object in `path`; raise `ShakeproofError` when there is none."""
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ShakeproofError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ShakeproofError(
            f"{path} is not JSON ({error}): delete it and run the session again."
        ) from error
    return as_object(value, str(path))


def as_object(value: object, what: str) -> Mapping[str, object]:
    """Return `value` if it is a JSON object; raise `ShakeproofError` naming `what` it is not."""
    if not isinstance(value, dict):
        raise ShakeproofError(f"{what} is not a JSON object: this is some other tool's file.")
    return cast("dict[str, object]", value)


def text_at(document: Mapping[str, object], key: str) -> str:
    """Return the text at `key`; raise `ShakeproofError` when there is none."""
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise ShakeproofError(f"{key!r} is {value!r} instead of a text: this file is another kind.")
    return value


def count_at(document: Mapping[str, object], key: str) -> int:
    """Return the whole number from 0 up at `key`; raise `ShakeproofError` when there is none."""
    value = document.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ShakeproofError(
            f"{key!r} is {value!r} instead of a count: this file is another kind."
        )
    return value


def aligned(rows: tuple[tuple[str, ...], ...]) -> str:
    """Return rows as text for a terminal: the first column to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "".join(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        + "\n"
        for row in rows
    )


def markdown(rows: tuple[tuple[str, ...], ...]) -> str:
    """Return rows as a Markdown table, the first row as its heading."""
    heading, *body = (tuple(cell.replace("|", "\\|") for cell in row) for row in rows)
    rule = ("---", *("---:" for _ in heading[1:]))
    return "".join(f"| {' | '.join(row)} |\n" for row in (heading, rule, *body))
