"""What lies in a folder, to be compared with what lay there before."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def tree(folder: Path) -> dict[str, object]:
    """Say what is in a folder: kinds, modes, contents."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            content = None if path.is_dir() else path.read_bytes()
            found[name] = (stat.S_IMODE(path.stat().st_mode), content)
    return found
