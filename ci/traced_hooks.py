"""A plugin of coverage.py: what runs in audit hooks is measured like any other code.

Python traces no audit hook unless that says that it may be (`__cantrace__`), so all that hears of files, databases and
ports through one would pass for untested. https://docs.python.org/3/library/sys.html#sys.addaudithook
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def coverage_init(_plugins: object, _options: object) -> None:
    """Have every hook of this process traced that is added from now on."""
    add = sys.addaudithook

    def add_traced(hook: Callable[..., object]) -> None:
        # In one that is written in C there is nothing to trace.
        with contextlib.suppress(AttributeError):
            hook.__cantrace__ = True  # type: ignore[attr-defined]
        add(hook)

    sys.addaudithook = add_traced
