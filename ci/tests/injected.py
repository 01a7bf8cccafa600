"""The scripts that run inside the tested interpreter, imported here by the names that they have there."""

from __future__ import annotations

import contextlib
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shakeproof

if TYPE_CHECKING:
    from collections.abc import Iterator

INJECT = Path(shakeproof.__file__).parent / "inject"


@contextlib.contextmanager
def injected(name: str) -> Iterator[Any]:
    """Import one, and take it away again with the others that it has imported."""
    known = set(sys.modules)
    sys.path.insert(0, str(INJECT))
    try:
        yield importlib.import_module(name)
    finally:
        sys.path.remove(str(INJECT))
        for each in set(sys.modules) - known:
            if each.startswith("shakeproof_"):
                del sys.modules[each]
