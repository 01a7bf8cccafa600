"""A part of a page that is generated: it stands between two markers, so that it can be made again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError

if TYPE_CHECKING:
    from pathlib import Path

BEGIN: Final = "<!-- results: begin -->"
END: Final = "<!-- results: end -->"
EMPTY: Final = f"{BEGIN}\n{END}\n"


def replaced(page: str, new: str, begin: str = BEGIN, end: str = END) -> str:
    """Put new text between the two markers of a page; what is around them stays as it is.

    Raises ShakeproofError where one of them is missing, or the end stands before the beginning.
    """
    before, first, rest = page.partition(begin)
    _, second, after = rest.partition(end)
    if not first or not second:
        raise ShakeproofError(
            f"The page has no place for what is generated: write {begin} into it, and below that {end}."
        )
    return f"{before}{begin}\n{new}\n{end}{after}"


def read(path: Path, begin: str = BEGIN, end: str = END) -> str:
    """Return the text of a page that has a place for what is generated.

    To be called before anything is measured: nobody waits for minutes to hear that there is no such place. Raises
    ShakeproofError where there is none, or no page.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ShakeproofError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ShakeproofError(f"{path} is no text in UTF-8 ({error}): mend it.") from error
    try:
        replaced(text, "", begin, end)
    except ShakeproofError as error:
        raise ShakeproofError(f"{path}: {error}") from error
    return text
