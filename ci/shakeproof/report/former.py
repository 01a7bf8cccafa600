"""The report of the run before: it gives its place to that of the next, unless the next has nothing to say.

While a run is under way nobody shall take the last verdict for its own; and a misspelt `-k`, of which there is nothing
to tell, shall not cost what took minutes to find out.
"""

from __future__ import annotations

import contextlib
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shakeproof.errors import ShakeproofError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

REPORTS = ("report.json", "flaky_test_audit.md", "flaky_test_verification.md")
ASIDE = ".before"


def set_aside(out: Path, copy: Path | None) -> None:
    """Put away the last report, the orders that its commands read, and the copy that goes elsewhere.

    Raises OSError where a file cannot be moved.
    """
    there = [place for place in _places(out, copy) if place[0].exists()]
    if (out / ASIDE / REPORTS[0]).exists() and not (out / REPORTS[0]).exists():
        for place, kept in there:  # a run that was killed had put it away, and has left no other
            if place == copy and not kept.exists():  # it was asked for another copy
                shutil.move(place, kept)
            else:
                place.unlink()
        return
    shutil.rmtree(out / ASIDE, ignore_errors=True)
    for place, kept in there:
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(place, kept)


@contextmanager
def brought_back(out: Path, copy: Path | None) -> Iterator[None]:
    """Bring back what was put away meanwhile, where an error or an interruption ends this before there is a report."""
    try:
        yield
    except (ShakeproofError, KeyboardInterrupt):
        if not (out / REPORTS[0]).exists():
            _bring_back(out, copy)
        raise
    _forget(out, copy)


def _bring_back(out: Path, copy: Path | None) -> None:
    for place, kept in _places(out, copy):
        if kept.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(kept, place)
    _forget(out, copy)


def _places(out: Path, copy: Path | None) -> Sequence[tuple[Path, Path]]:
    """List the files of a report: where each belongs, and where it is kept meanwhile."""
    aside = out / ASIDE
    orders = {path.name for folder in (out, aside) for path in (folder / "orders").glob("F*.txt")}
    names = (*REPORTS, *(f"orders/{name}" for name in sorted(orders)))
    places = [(out / name, aside / name) for name in names]
    # Beside itself: if this run is killed, the next one may ask for a copy elsewhere, and not know of this.
    return [*places, (copy, copy.with_name(f"{copy.name}{ASIDE}"))] if copy else places


def _forget(out: Path, copy: Path | None) -> None:
    for _, kept in _places(out, copy):
        with contextlib.suppress(
            OSError
        ):  # where there can be none: that is said by whoever writes there
            kept.unlink()
    shutil.rmtree(out / ASIDE, ignore_errors=True)
