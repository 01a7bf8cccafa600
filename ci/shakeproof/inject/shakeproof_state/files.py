"""Files that were added, changed or removed.

No look searches a folder. An audit hook notes what is about to be written, moved or removed, and keeps what is there
until then. So it sees what Python itself does; what other processes and libraries in C do to a file is seen only where
Python has touched that file as well. A file with several names is told by those by which it was touched.
"""

from __future__ import annotations

import os
import stat
from types import MappingProxyType
from typing import (
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from .audit import Args, listen, now
from .places import Places
from .protocol import Change
from .words import described

LARGEST = 1 << 20  # bytes of one file that are kept
MOST_KEPT = 64 << 20  # bytes of all of them
MOST_BELOW = 5000  # files of a folder that are looked at when it is moved or removed at once
MOST_WATCHED = (
    32  # files that may still be open for writing, and are asked for their time at each look
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
NEVER = (
    "/dev/null",
    "/dev/tty",
    "/dev/pts/",
    "/proc/",
    "/sys/",
)  # in /dev/shm are files as everywhere

# Kept from before any test could replace them.
_lstat, _read_link, _link, _scan, _real = (
    os.lstat,
    os.readlink,
    os.symlink,
    os.scandir,
    os.path.realpath,
)
_open, _read, _write, _close, _touch = os.open, os.read, os.write, os.close, os.utime
_remove, _remove_folder, _make_folder, _make_folders = os.unlink, os.rmdir, os.mkdir, os.makedirs
_set_mode, _cwd = os.chmod, os.getcwd


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


class Files:
    """Files below `folders`, the first of which is the project's, the second the temporary one; none in `excluded`.

    Exclude whatever is written by others than the tests: the folder of `--basetemp`, of coverage data, of reports.
    """

    name = "files"
    category = "filesystem"

    def __init__(self, folders: Sequence[str], excluded: Iterable[str] = ()) -> None:
        self._places = Places(folders, excluded)
        self._first: Dict[str, Entry] = {}  # as things were before anybody touched them
        self._last: Dict[str, Entry] = {}
        self._touched: Dict[str, None] = {}  # since the last look
        self._watched: Dict[str, Optional[Tuple[int, int, int]]] = {}
        self._databases: Set[str] = set()
        self._held = 0  # bytes
        self._looked = now()
        listen(self, HANDLERS)

    # What the hook calls.

    def _opened(self, args: Args) -> None:
        path, _, flags = args
        if flags & WRITING and not isinstance(path, int):
            self._note(self._path(path, None, follow=True))

    def _written(self, args: Args) -> None:
        self._note(self._path(args[0], None, follow=True))

    def _marked(self, args: Args) -> None:
        """Note a change of mode, owner or time: the last argument is the folder that the path is relative to."""
        self._note(self._path(args[0], args[-1], follow=True))

    def _made_or_removed(self, args: Args) -> None:
        self._note(self._path(args[0], args[-1]))

    def _removed_with_all(self, args: Args) -> None:
        self._note_all(self._path(args[0], args[1] if len(args) > 1 else None))

    def _renamed(self, args: Args) -> None:
        source, target = self._path(args[0], args[2]), self._path(args[1], args[3])
        self._note(target)
        found = self._note_all(source)
        # Onto anything but an empty folder a folder cannot be moved, and below a link are the files of another folder.
        for path in found if _kind(target) in (0, stat.S_IFDIR) else ():
            self._note(target + path[len(source) :])

    def _linked(self, args: Args) -> None:
        self._note(self._path(args[0], args[2]))  # whose time is changed by that
        self._note(self._path(args[1], args[3]))

    def _symlinked(self, args: Args) -> None:
        self._note(self._path(args[1], args[2]))

    def _bound(self, args: Args) -> None:
        if isinstance(args[1], (str, bytes)):
            self._note(self._path(args[1], None))

    def _connected(self, args: Args) -> None:
        """Note a database: SQLite writes it unheard, so whether there was one has to be known from before."""
        path = database_path(args[0])
        if path is not None:
            # Its content is another probe's business. It must not even be read: closing the file again would drop the
            # locks that SQLite holds on it in this process.
            self._databases.add(path)
            self._note(path)

    # What is noted.

    def _path(self, path: Any, folder: Any, *, follow: bool = False) -> str:
        """Give the real path of what an event names, and NEVER[0] where that cannot concern anybody."""
        if isinstance(path, int):
            return _read_link("/proc/self/fd/{}".format(path))
        given = os.fsdecode(path)
        if "__pycache__" in given or given.startswith(NEVER):
            return NEVER[0]
        if not os.path.isabs(given):
            relative = isinstance(folder, int) and folder >= 0
            given = os.path.join(
                _read_link("/proc/self/fd/{}".format(folder)) if relative else _cwd(), given
            )
        if follow:
            return _real(given)
        above, name = os.path.split(given.rstrip(os.sep))
        return os.path.join(_real(above), name)

    def _note(self, path: str) -> None:
        """Remember that something happens to a file, and what it is before that."""
        if path not in self._first:
            if not self._places.hold(path):
                return
            self._first[path] = self._origin(path)
        self._touched[path] = None

    def _origin(self, path: str) -> Entry:
        """Say what was there at the last look.

        A file that is younger than that look has been made unheard since: by another process, or a library in C. (A
        folder, and a file of several names, gets another time from what is done to others.)
        """
        try:
            made = _lstat(path).st_ctime_ns
        except OSError:
            return NOTHING
        entry = self._state(path)
        if made > self._looked and entry.kind != stat.S_IFDIR and entry.names == 1:
            return NOTHING
        if entry.content is not None:
            self._held += len(entry.content)
        return entry

    def _note_all(self, path: str) -> List[str]:
        """Note a file, or a folder with what is in it; give the paths of those."""
        inside = [each for each in self._places.folders if each.startswith(path + os.sep)]
        self._note(path)
        if not inside and not stat.S_ISDIR(_kind(path)):
            return []
        found: List[str] = []
        for below in (
            _below(path) if not inside else (each for top in inside for each in _below(top))
        ):
            found.append(below)
            self._note(below)
            if len(found) >= MOST_BELOW:
                first = self._first.get(path)
                if first is not None:
                    self._first[path] = first._replace(content=None)  # not all of it is known
                break
        return found

    def _state(self, path: str) -> Entry:
        """Say what is there now."""
        try:
            found = _lstat(path)
        except OSError:
            return NOTHING
        kind = stat.S_IFMT(found.st_mode)
        content: Optional[bytes] = None
        try:
            if kind == stat.S_IFREG:
                small = found.st_size <= min(LARGEST, MOST_KEPT - self._held)
                content = _content(path) if small and path not in self._databases else None
            elif kind == stat.S_IFLNK:
                content = os.fsencode(_read_link(path))
            elif kind == stat.S_IFDIR:
                content = b""
        except OSError:  # it cannot be read
            content = None
        return Entry(kind, stat.S_IMODE(found.st_mode), _stamp_of(found), content, found.st_nlink)

    # What the observer calls.

    def look(self) -> Look:
        """Look at the files that were touched since the last time, and at those that may be open."""
        for path, stamp in list(self._watched.items()):
            if _stamp(path) != stamp:
                self._touched[path] = None
        if self._touched:
            self._take_down()
        self._looked = now()
        return self._last

    def _take_down(self) -> None:
        last = dict(self._last)
        changed = False
        while self._touched:
            path, _ = self._touched.popitem()
            first = self._first.setdefault(path, NOTHING)
            was = last.get(path, first)
            # Where a link has taken the place of a folder, what is behind it goes by another path.
            is_here = _real(os.path.dirname(path)) == os.path.dirname(path)
            is_now = self._state(path) if is_here else NOTHING
            if was.kind == stat.S_IFDIR != is_now.kind:
                self._touched.update(
                    (each, None) for each in (*self._first, *last) if each.startswith(path + os.sep)
                )
            if is_now.kind == stat.S_IFREG and is_now.names > 1 and not is_now.is_as(was):
                self._touched.update(
                    (each, None) for each in _names(is_now, (self._first, last)) if each != path
                )
            if not is_now.is_as(was):
                last[path] = is_now
                changed = True
            if is_now.is_as(first):
                last.pop(path, None)
                if not first.kind:  # most files come and go
                    del self._first[path]
            self._watch(path, is_now)
        if changed:
            self._last = last
            known = (*self._first.values(), *last.values())
            self._held = sum(len(entry.content) for entry in known if entry.content)

    def _watch(self, path: str, is_now: Entry) -> None:
        """Look at the youngest files again: whoever has one open goes on writing without a word."""
        self._watched.pop(path, None)
        is_database = path in self._databases
        if is_now.kind == stat.S_IFREG and not is_database:
            self._watched[path] = is_now.stamp
        elif not is_now.kind and is_database:
            self._watched[path] = None  # SQLite may make it later
        if len(self._watched) > MOST_WATCHED:
            del self._watched[next(iter(self._watched))]

    def changes(self, before: Look, after: Look) -> Iterator[Change]:
        """List what differs. A folder that came or went stands for all that is in it."""
        if before is after:
            return
        folders: Set[str] = set()
        for path in sorted({*before, *after}):
            was, is_now = self._then(before, path), self._then(after, path)
            if was.is_as(is_now) or _is_in(path, folders):
                continue
            if path in self._databases and was.kind == is_now.kind:
                continue
            if was.kind != is_now.kind and stat.S_IFDIR in (was.kind, is_now.kind):
                folders.add(path)
            can = self._can_put_back(before, path)
            yield Change(
                self.category,
                self._places.told(path),
                _told(was, is_now, ""),
                _told(is_now, was, ", other content"),
                can_put_back=can,
            )

    def _then(self, look: Look, path: str) -> Entry:
        return look.get(path) or self._first.get(path, NOTHING)

    def _below_then(self, look: Look, path: str) -> Dict[str, Entry]:
        """Give what was in a folder, folders before what is in them."""
        paths = sorted(each for each in {*self._first, *look} if each.startswith(path + os.sep))
        return {each: self._then(look, each) for each in paths}

    def _can_put_back(self, before: Look, path: str) -> bool:
        was = self._then(before, path)
        if self._is_only_copy(path, was):
            return False
        if was.kind == stat.S_IFDIR != _kind(path):
            return all(
                each.content is not None for each in (was, *self._below_then(before, path).values())
            )
        return was.content is not None

    def _is_only_copy(self, path: str, was: Entry) -> bool:
        """Tell whether a file has been moved here that was too large to be kept: removing it would lose it."""
        large = {
            entry.stamp[2]
            for entry in self._first.values()
            if entry.kind == stat.S_IFREG and entry.content is None
        }
        here = {_inode(each) for each in (path, *(_below(path) if large else ()))}
        return bool(large & here - {was.stamp[2]})

    def put_back(self, before: Look, key: str) -> None:
        """Write, make or remove a file. It is written where it is: whoever has it open goes on with the same one."""
        path = self._places.where(key)
        if not self._can_put_back(before, path):
            raise LookupError(key)
        try:
            self._restore(before, path)
        except OSError as error:
            raise LookupError("{}: {}".format(key, error)) from error

    def _restore(self, before: Look, path: str) -> None:
        was, kind = self._then(before, path), _kind(path)
        if kind not in (0, was.kind):
            _remove_all(path)
            kind = 0
        if not was.kind:
            return
        if not kind:
            _make_folders(os.path.dirname(path), exist_ok=True)
        if was.kind == stat.S_IFDIR:
            if not kind:
                self._make_again(before, path)
            _set_mode(path, was.mode)
        elif was.kind == stat.S_IFLNK:
            if kind:
                _remove(path)
            _link(os.fsdecode(was.content or b""), path)
        else:
            _put(path, was)

    def _make_again(self, before: Look, folder: str) -> None:
        _make_folder(folder)
        for path, entry in self._below_then(before, folder).items():
            if entry.kind:
                self._restore(before, path)


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
    return None if name in ("", ":memory:") else _real(name)


def _names(entry: Entry, looks: Iterable[Look]) -> Iterator[str]:
    """Give the names under which a file is known that has several."""
    for look in looks:
        yield from (path for path, each in look.items() if each.stamp[2] == entry.stamp[2])


def _stamp_of(found: os.stat_result) -> Tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ino


def _stamp(path: str) -> Optional[Tuple[int, int, int]]:
    try:
        return _stamp_of(_lstat(path))
    except OSError:
        return None


def _kind(path: str) -> int:
    try:
        return stat.S_IFMT(_lstat(path).st_mode)
    except OSError:
        return 0


def _inode(path: str) -> int:
    try:
        return _lstat(path).st_ino
    except OSError:
        return 0


def _content(path: str) -> bytes:
    parts: List[bytes] = []
    number = _open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        while True:
            part = _read(number, LARGEST)
            if not part:
                return b"".join(parts)
            parts.append(part)
    finally:
        _close(number)


def _put(path: str, was: Entry) -> None:
    """Write a file, with its mode and its time."""
    if _kind(path):
        _set_mode(path, was.mode | stat.S_IWUSR)
    left = was.content or b""
    number = _open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    try:
        while left:
            left = left[_write(number, left) :]
    finally:
        _close(number)
    _set_mode(path, was.mode)
    _touch(path, ns=(was.stamp[1], was.stamp[1]))


def _below(path: str) -> Iterator[str]:
    """Give what is in a folder, folders before what is in them; nothing where it cannot be read."""
    try:
        with _scan(path) as found:
            inside = [(each.path, each.is_dir(follow_symlinks=False)) for each in found]
    except OSError:
        return
    for each, is_folder in inside:
        yield each
        if is_folder:
            yield from _below(each)


def _remove_all(path: str) -> None:
    if _kind(path) != stat.S_IFDIR:
        _remove(path)
        return
    _set_mode(path, stat.S_IRWXU)
    with _scan(path) as found:
        inside = [each.path for each in found]
    for each in inside:
        _remove_all(each)
    _remove_folder(path)


def _is_in(path: str, folders: Set[str]) -> bool:
    while folders and len(path) > 1:
        path = os.path.dirname(path)
        if path in folders:
            return True
    return False


KINDS = MappingProxyType(
    {stat.S_IFDIR: "folder", stat.S_IFSOCK: "socket", stat.S_IFIFO: "pipe", stat.S_IFREG: "file"}
)


def _told(entry: Entry, other: Entry, differs: str) -> Optional[str]:
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


HANDLERS = MappingProxyType(
    {
        "open": Files._opened,
        "os.truncate": Files._written,
        "os.setxattr": Files._written,
        "os.removexattr": Files._written,
        "os.chmod": Files._marked,
        "os.chown": Files._marked,
        "os.utime": Files._marked,
        "os.mkdir": Files._made_or_removed,
        "os.rmdir": Files._made_or_removed,
        "os.remove": Files._made_or_removed,
        "os.rename": Files._renamed,
        "os.link": Files._linked,
        "os.symlink": Files._symlinked,
        "shutil.rmtree": Files._removed_with_all,
        "socket.bind": Files._bound,
        "sqlite3.connect": Files._connected,
    }
)
