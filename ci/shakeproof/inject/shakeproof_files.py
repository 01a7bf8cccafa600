"""The files of a folder as they stand at one moment, to be put back as often as the moment shall be lived again."""

from __future__ import annotations

import os
import stat
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

LARGEST = 32 << 20  # bytes that are kept, altogether

# Kept from before any test could replace them.
_scan, _look, _read_link, _link = os.scandir, os.lstat, os.readlink, os.symlink
_open, _read, _write, _close = os.open, os.read, os.write, os.close
_remove, _remove_folder, _make_folder = os.unlink, os.rmdir, os.mkdir


class CannotKeepError(Exception):
    """There are sockets, pipes or devices among the files, they are too large to be kept, or cannot be read."""


class _Entry(NamedTuple):
    """One file, folder or link."""

    kind: int  # the file type bits of its mode
    changed: Tuple[
        int, int
    ]  # what differs once something was written: size in bytes, time in nanoseconds
    content: Optional[bytes] = None  # of a file; for a link, where it leads


class Files:
    """What is in a folder and below. Raises CannotKeepError where that cannot be put back."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._kept: Dict[str, _Entry] = {}
        try:
            self._keep()
        except OSError as error:
            raise CannotKeepError(str(error)) from error

    def _keep(self) -> None:
        left = LARGEST
        for path, found in _below(self._folder):
            if found.kind not in (stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK):
                raise CannotKeepError(path)
            if found.kind == stat.S_IFREG:
                left -= found.changed[0]
            if left < 0:
                raise CannotKeepError(path)
            self._kept[path] = found._replace(content=_content(path, found.kind))

    def put_back(self) -> None:
        """Remove what is new, and write again what was changed or removed.

        A file is written where it is: whoever holds it open goes on with the same one.
        """
        there = dict(_below(self._folder))
        for path in sorted(there, reverse=True):  # what is in a folder comes before the folder
            kept = self._kept.get(path)
            if kept is None or kept.kind != there[path].kind:
                _take_away(path, there.pop(path).kind)
        for path in sorted(self._kept):
            if path not in there or self._kept[path].changed != there[path].changed:
                self._put_back(path, is_there=path in there)

    def _put_back(self, path: str, *, is_there: bool) -> None:
        kept = self._kept[path]
        content = kept.content or b""
        if kept.kind == stat.S_IFDIR:
            if not is_there:
                _make_folder(path)
        elif kept.kind == stat.S_IFLNK:
            if is_there:
                _remove(path)
            _link(os.fsdecode(content), path)
        else:
            file = _open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                while content:
                    content = content[_write(file, content) :]
            finally:
                _close(file)
            # What was written just now is as it was: next time only a change since then counts.
            self._kept[path] = kept._replace(changed=_entry(path).changed)


def _below(folder: str) -> Iterator[Tuple[str, _Entry]]:
    """List what is in a folder and in those below it, links not followed."""
    with _scan(folder) as entries:
        names = [entry.path for entry in entries]
    for path in names:
        found = _entry(path)
        yield path, found
        if found.kind == stat.S_IFDIR:
            yield from _below(path)


def _entry(path: str) -> _Entry:
    found = _look(path)
    # A folder changes with what is in it, which is looked at by itself.
    changed = (0, 0) if stat.S_ISDIR(found.st_mode) else (found.st_size, found.st_mtime_ns)
    return _Entry(stat.S_IFMT(found.st_mode), changed)


def _content(path: str, kind: int) -> Optional[bytes]:
    if kind == stat.S_IFLNK:
        return os.fsencode(_read_link(path))
    if kind == stat.S_IFDIR:
        return None
    file = _open(path, os.O_RDONLY)
    try:
        parts: List[bytes] = []
        while True:
            part = _read(file, 1 << 20)
            if not part:
                return b"".join(parts)
            parts.append(part)
    finally:
        _close(file)


def _take_away(path: str, kind: int) -> None:
    if kind == stat.S_IFDIR:
        _remove_folder(path)
    else:
        _remove(path)
