"""Which files count, and how they are called in a report."""

from __future__ import annotations

import os
import sys
from typing import Iterable, Optional

# What pytest, its plugins, git and Python keep for themselves.
SKIPPED = frozenset({"__pycache__", ".pytest_cache", ".git", ".hypothesis", ".benchmarks"})
COVERAGE_DATA = ".coverage"
TEMPORARY = "TMPDIR/"
BASETEMP = "pytest-of-"  # the folders of `tmp_path` lie in one of that name, unless --basetemp says otherwise

_real = os.path.realpath  # kept from before any test could replace it


class Places:
    """The files below some folders, without those that are somebody's business already.

    `excluded` are folders, or files with what begins like them. Paths are compared as they are written: give real ones.
    With `everywhere` the files outside the folders count as well. What is in the second folder, the temporary one, is
    called by its place there: each process may have another.
    """

    def __init__(
        self, folders: Iterable[str], excluded: Iterable[str] = (), *, everywhere: bool = False
    ) -> None:
        self.folders = tuple(_real(folder).rstrip(os.sep) + os.sep for folder in folders)
        self._everywhere = everywhere
        own = (sys.pycache_prefix, os.environ.get("COVERAGE_FILE"))
        self._excluded = tuple(_real(each) for each in (*excluded, *own) if each)

    def hold(self, path: str) -> bool:
        """Tell whether a file counts."""
        below = self._below(path)
        if below is None or path.startswith(self._excluded):
            return False
        parts = below.split(os.sep)
        return (
            SKIPPED.isdisjoint(parts)
            and parts[-1] != COVERAGE_DATA
            and not parts[-1].startswith(COVERAGE_DATA + ".")
        )

    def _below(self, path: str) -> Optional[str]:
        """Give the path from the nearest of the folders on."""
        found = [path[len(each) :] for each in self.folders if path.startswith(each)]
        if not found:
            return path if self._everywhere and os.sep + BASETEMP not in path else None
        below = min(found, key=len)
        return None if not below or below.startswith(BASETEMP) else below

    def told(self, path: str) -> str:
        """Name a file: below the first folder by its path from there, if the temporary one is not nearer."""
        first, *others = self.folders
        for temporary in others[:1]:
            is_nearer = not path.startswith(first) or temporary.startswith(first)
            if path.startswith(temporary) and is_nearer:
                return TEMPORARY + path[len(temporary) :]
        return path.removeprefix(first)

    def where(self, name: str) -> str:
        """Give the path of what was named."""
        first, *others = self.folders
        for temporary in others[:1]:
            if name.startswith(TEMPORARY):
                return temporary + name[len(TEMPORARY) :]
        return os.path.join(first, name)
