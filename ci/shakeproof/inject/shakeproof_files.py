"""The files of a folder as they stand at one moment, to be put back as often as the moment shall be lived again."""

from __future__ import annotations

import os
import stat
from typing import Dict, Iterator, NamedTuple, Tuple

import shakeproof_real as real

LARGEST = 32 << 20  # bytes that are kept, altogether
KEPT = (stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK)


class CannotKeepError(Exception):
    """There are sockets, pipes or devices among the files, they are too large to be kept, or cannot be read."""


class _Entry(NamedTuple):
    """One file, folder or link."""

    kind: int  # the file type bits of its mode
    mode: int  # the others
    changed: Tuple[
        int, ...
    ]  # what differs once something was written: size, and times in nanoseconds
    content: bytes = b""  # of a file; for a link, where it leads


class Files:
    """What is in a folder and below. Raises CannotKeepError where that cannot be put back."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._kept: Dict[str, _Entry] = {}
        try:
            self._keep()
        except (OSError, RecursionError) as error:
            raise CannotKeepError(str(error)) from error

    def _keep(self) -> None:
        left = LARGEST
        for path, found in _below(self._folder):
            if found.kind == stat.S_IFREG:
                left -= found.changed[0]
            if found.kind not in KEPT or left < 0:
                raise CannotKeepError(path)
            self._kept[path] = found._replace(content=_content(path, found.kind))

    def put_back(self) -> None:
        """Remove what is new, and write again what was changed or removed. Raises OSError where that cannot be done.

        A file is written where it is: whoever holds it open goes on with the same one.
        """
        there = dict(_below(self._folder))
        for path in sorted(there, reverse=True):  # what is in a folder comes before the folder
            kept = self._kept.get(path)
            if kept is None or kept.kind != there[path].kind:
                _take_away(path, there.pop(path).kind)
        for path in sorted(self._kept):
            kept, found = self._kept[path], there.get(path)
            if found is None or (kept.mode, kept.changed) != (found.mode, found.changed):
                _put(path, kept, is_there=found is not None)
                # What was written just now is as it was: next time only a change since then counts.
                self._kept[path] = kept._replace(changed=_entry(path).changed)


def _below(folder: str) -> Iterator[Tuple[str, _Entry]]:
    """List what is in a folder and in those below it, links not followed."""
    with real.scan_folder(folder) as entries:
        names = [entry.path for entry in entries]
    for path in names:
        found = _entry(path)
        yield path, found
        if found.kind == stat.S_IFDIR:
            yield from _below(path)


def _entry(path: str) -> _Entry:
    found = real.look(path)
    # A folder changes with what is in it, which is looked at by itself.
    folder = stat.S_ISDIR(found.st_mode)
    changed = () if folder else (found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return _Entry(stat.S_IFMT(found.st_mode), stat.S_IMODE(found.st_mode), changed)


def _content(path: str, kind: int) -> bytes:
    if kind == stat.S_IFLNK:
        return os.fsencode(real.read_link(path))
    return b"" if kind == stat.S_IFDIR else real.read_whole(path)


def _put(path: str, kept: _Entry, *, is_there: bool) -> None:
    if kept.kind == stat.S_IFLNK:
        if is_there:
            real.remove(path)
        real.make_link(os.fsdecode(kept.content), path)
        return
    if kept.kind == stat.S_IFDIR:
        if not is_there:
            real.make_folder(path)
    else:
        _fill(path, kept.content)
    real.change_mode(path, kept.mode)


def _fill(path: str, content: bytes) -> None:
    file = real.open_file(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        real.write_whole(file, content)
    finally:
        real.close(file)


def _take_away(path: str, kind: int) -> None:
    folder = os.path.dirname(path)
    if not real.look(folder).st_mode & stat.S_IWUSR:  # else only root could
        real.change_mode(folder, 0o700)
    if kind == stat.S_IFDIR:
        real.remove_folder(path)
    else:
        real.remove(path)
