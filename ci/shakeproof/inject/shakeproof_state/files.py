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
    Optional,
    Sequence,
    Set,
    Tuple,
)

from . import disk
from .audit import Args, listen, now
from .disk import (
    NOTHING,
    Entry,
    Look,
    cwd,
    database_path,
    entry_at,
    files_below,
    inode_at,
    kind_at,
    read_link,
    real_path,
    remove_all,
    stamp_at,
    told,
    write_again,
)
from .places import Places
from .protocol import Change

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
        for path in found if kind_at(target) in (0, stat.S_IFDIR) else ():
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
            return read_link("/proc/self/fd/{}".format(path))
        given = os.fsdecode(path)
        if "__pycache__" in given or given.startswith(NEVER):
            return NEVER[0]
        if not os.path.isabs(given):
            relative = isinstance(folder, int) and folder >= 0
            given = os.path.join(
                read_link("/proc/self/fd/{}".format(folder)) if relative else cwd(), given
            )
        if follow:
            return real_path(given)
        above, name = os.path.split(given.rstrip(os.sep))
        return os.path.join(real_path(above), name)

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
            made = disk.lstat(path).st_ctime_ns
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
        if not inside and not stat.S_ISDIR(kind_at(path)):
            return []
        found: List[str] = []
        for below in (
            files_below(path)
            if not inside
            else (each for top in inside for each in files_below(top))
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
        """Say what is there now; of a database nothing may be read."""
        most = -1 if path in self._databases else min(LARGEST, MOST_KEPT - self._held)
        return entry_at(path, most)

    # What the observer calls.

    def look(self) -> Look:
        """Look at the files that were touched since the last time, and at those that may be open."""
        for path, stamp in list(self._watched.items()):
            if stamp_at(path) != stamp:
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
            is_here = real_path(os.path.dirname(path)) == os.path.dirname(path)
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
                told(was, is_now, ""),
                told(is_now, was, ", other content"),
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
        if was.kind == stat.S_IFDIR != kind_at(path):
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
        here = {inode_at(each) for each in (path, *(files_below(path) if large else ()))}
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
        was, kind = self._then(before, path), kind_at(path)
        if kind not in (0, was.kind):
            remove_all(path)
            kind = 0
        if not was.kind:
            return
        if not kind:
            disk.make_folders(os.path.dirname(path), exist_ok=True)
        if was.kind == stat.S_IFDIR:
            if not kind:
                self._make_again(before, path)
            disk.set_mode(path, was.mode)
        elif was.kind == stat.S_IFLNK:
            if kind:
                disk.remove(path)
            disk.link(os.fsdecode(was.content or b""), path)
        else:
            write_again(path, was)

    def _make_again(self, before: Look, folder: str) -> None:
        disk.make_folder(folder)
        for path, entry in self._below_then(before, folder).items():
            if entry.kind:
                self._restore(before, path)


def _names(entry: Entry, looks: Iterable[Look]) -> Iterator[str]:
    """Give the names under which a file is known that has several."""
    for look in looks:
        yield from (path for path, each in look.items() if each.stamp[2] == entry.stamp[2])


def _is_in(path: str, folders: Set[str]) -> bool:
    while folders and len(path) > 1:
        path = os.path.dirname(path)
        if path in folders:
            return True
    return False


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
