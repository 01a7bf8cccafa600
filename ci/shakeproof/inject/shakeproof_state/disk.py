"""Files as they are: read, told, written and removed, with functions kept from before any test could replace them."""

from __future__ import annotations

import os
import stat
from types import MappingProxyType
from typing import Any, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from .words import described

CHUNK = 1 << 20  # bytes that are read at a time
lstat, link, remove, make_folder, make_folders = (
    os.lstat,
    os.symlink,
    os.unlink,
    os.mkdir,
    os.makedirs,
)
set_mode = os.chmod
_open, _read, _write, _close, _touch = os.open, os.read, os.write, os.close, os.utime
_scan, _remove_folder = os.scandir, os.rmdir
real_path, read_link, cwd = os.path.realpath, os.readlink, os.getcwd


class Entry(NamedTuple):
    """One file, folder or link as it was."""

    kind: int  # the file type bits of its mode; 0 where there is nothing
    mode: int
    stamp: Tuple[int, int, int]  # size in bytes, time of the last change in nanoseconds, inode
    content: Optional[bytes]  # for a link, where it leads; None where it is not known
    names: int = 1  # how many it has: hard links

    def is_as(self, other: Entry) -> bool:
        """Tell whether nobody could tell the two apart."""
        if (self.kind, self.mode) != (other.kind, other.mode):
            return False
        if self.content is None or other.content is None:
            return self.kind == stat.S_IFDIR or self.stamp[:2] == other.stamp[:2]
        return self.content == other.content


NOTHING = Entry(0, 0, (0, 0, 0), b"")
Look = Mapping[str, Entry]  # by path: what is not as it was in the beginning


def database_path(given: Any) -> Optional[str]:
    """Give the real path of a database that `sqlite3` connects to; None where it is in memory or of no name."""
    name = os.fsdecode(given)
    if name.startswith("file:"):
        from urllib.parse import unquote  # few need it

        name, _, options = name[len("file:") :].partition("#")[0].partition("?")
        if "mode=memory" in options.split("&"):
            return None
        name = unquote(name)
        if name.startswith("//"):  # an authority, which is empty or localhost
            name = name[name.find("/", 2) :]
    return None if name in ("", ":memory:") else real_path(name)


def entry_at(path: str, largest: int) -> Entry:
    """Say what is there now, with the content of a file of so many bytes at most; -1: of none."""
    try:
        found = lstat(path)
    except OSError:
        return NOTHING
    kind = stat.S_IFMT(found.st_mode)
    content: Optional[bytes] = None
    try:
        if kind == stat.S_IFREG:
            content = content_of(path) if found.st_size <= largest else None
        elif kind == stat.S_IFLNK:
            content = os.fsencode(read_link(path))
        elif kind == stat.S_IFDIR:
            content = b""
    except OSError:  # it cannot be read
        content = None
    return Entry(kind, stat.S_IMODE(found.st_mode), stamp_of(found), content, found.st_nlink)


def stamp_of(found: os.stat_result) -> Tuple[int, int, int]:
    """Give what tells of a change: size in bytes, time of the last change in nanoseconds, inode."""
    return found.st_size, found.st_mtime_ns, found.st_ino


def stamp_at(path: str) -> Optional[Tuple[int, int, int]]:
    """Give it for a path; None where there is nothing."""
    try:
        return stamp_of(lstat(path))
    except OSError:
        return None


def kind_at(path: str) -> int:
    """Give the file type bits of what is there; 0 where there is nothing."""
    try:
        return stat.S_IFMT(lstat(path).st_mode)
    except OSError:
        return 0


def inode_at(path: str) -> int:
    """Give the inode; 0 where there is nothing."""
    try:
        return lstat(path).st_ino
    except OSError:
        return 0


def content_of(path: str) -> bytes:
    """Read a whole file."""
    parts: List[bytes] = []
    number = _open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        while True:
            part = _read(number, CHUNK)
            if not part:
                return b"".join(parts)
            parts.append(part)
    finally:
        _close(number)


def write_again(path: str, was: Entry) -> None:
    """Write a file, with its mode and its time."""
    if kind_at(path):
        set_mode(path, was.mode | stat.S_IWUSR)
    left = was.content or b""
    number = _open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    try:
        while left:
            left = left[_write(number, left) :]
    finally:
        _close(number)
    set_mode(path, was.mode)
    _touch(path, ns=(was.stamp[1], was.stamp[1]))


def files_below(path: str) -> Iterator[str]:
    """Give what is in a folder, folders before what is in them; nothing where it cannot be read."""
    try:
        with _scan(path) as found:
            inside = [(each.path, each.is_dir(follow_symlinks=False)) for each in found]
    except OSError:
        return
    for each, is_folder in inside:
        yield each
        if is_folder:
            yield from files_below(each)


def remove_all(path: str) -> None:
    """Remove a file, or a folder with all that is in it."""
    if kind_at(path) != stat.S_IFDIR:
        remove(path)
        return
    set_mode(path, stat.S_IRWXU)
    with _scan(path) as found:
        inside = [each.path for each in found]
    for each in inside:
        remove_all(each)
    _remove_folder(path)


KINDS = MappingProxyType(
    {stat.S_IFDIR: "folder", stat.S_IFSOCK: "socket", stat.S_IFIFO: "pipe", stat.S_IFREG: "file"}
)


def told(entry: Entry, other: Entry, differs: str) -> Optional[str]:
    """Say what is there; `differs` where the other is a file of the same size."""
    if not entry.kind:
        return None
    if entry.kind == stat.S_IFLNK:
        return "link to {}".format(described(os.fsdecode(entry.content or b"?")))
    text = KINDS.get(entry.kind, "device")
    if entry.kind == stat.S_IFREG:
        text = "1 byte" if entry.stamp[0] == 1 else "{} bytes".format(entry.stamp[0])
    if entry.kind == other.kind:
        if entry.mode != other.mode:
            text += ", mode {:#05o}".format(entry.mode)
        elif entry.stamp[0] == other.stamp[0]:
            text += differs
    return text
