"""SQLite databases that the tests opened: tables, rows, pragmas, and transactions that were left open."""

from __future__ import annotations

import functools
import gc
import os
import sys
import threading
import weakref
from types import MappingProxyType
from typing import Any, Dict, Iterable, Iterator, Mapping, NamedTuple, Optional, Set, Tuple

from . import tables
from .audit import Args, listen, now
from .disk import database_path
from .places import Places
from .protocol import Change
from .tables import EMPTY, Content

JUST_NOW = 20_000_000  # nanoseconds within which a file can be written again without another time
SMALL = 1 << 20  # bytes of a database that is read as a whole for two of them
CACHE = type(functools.lru_cache(maxsize=None)(len))
WAL = 2  # in the header: the format that is written

_stat, _exists = os.stat, os.path.exists  # kept from before any test could replace them

Stamp = Tuple[int, ...]


class Held(NamedTuple):
    """What belongs to one connection."""

    label: str
    foreign_keys: str
    is_in_transaction: bool


class Look(NamedTuple):
    """One look."""

    databases: Mapping[str, Content]  # by path; those in memory by what they are called
    connections: Mapping[int, Held]


class Handle:
    """A connection that somebody else has."""

    def __init__(self, number: int, connection: Any, path: Optional[str], label: str) -> None:
        self.number = number
        self.path = path
        self.label = label
        self.thread = threading.get_ident()
        self.seen: Tuple[Any, ...] = ()
        # A connection cannot be referred to weakly. The cache of its statements can: it is the connection's alone, ends
        # when that is closed, and leads back to it.
        self._cache = weakref.ref(_cache(connection))

    def is_gone(self) -> bool:
        """Tell whether the connection is closed, or nothing is left of it."""
        return self._cache() is None

    def connection(self) -> Any:
        """Give it; None where it must not be used: it is another thread's, or nobody's and not yet collected."""
        cache = self._cache()
        if cache is None or self.thread != threading.get_ident():
            return None
        connection = cache.__wrapped__
        own = sum(each is connection for each in gc.get_referents(cache, vars(cache)))
        nobody = object()
        return connection if sys.getrefcount(connection) > sys.getrefcount(nobody) + own else None


def _cache(connection: Any) -> Any:
    return next(each for each in gc.get_referents(connection) if type(each) is CACHE)


class Databases:
    """The databases that tests opened through `sqlite3`; `root` is the project's folder, by which they are called.

    Before Python 3.11 those in memory, and what belongs to single connections, cannot be seen. A connection is looked
    at by the thread that made it alone.
    """

    name = "databases"
    category = "database"

    def __init__(self, root: str, excluded: Iterable[str] = (), *, temporary: str = "") -> None:
        folders = (root, temporary) if temporary else (root,)
        self._places = Places(folders, excluded, everywhere=True)
        # Before anybody connected; None: that could not be read.
        self._first: Dict[str, Optional[Content]] = {}
        self._stamps: Dict[str, Optional[Stamp]] = {}  # of the files that are there
        self._handles: Dict[int, Handle] = {}
        self._in_memory = 0
        self._connected = 0
        self._last = Look({}, {})
        self._looked = now()
        self._opening: Dict[int, Optional[str]] = {}  # by thread
        self._own: Set[int] = set()  # the threads in which a connection is our own
        listen(self, HANDLERS)

    # What the hook calls.

    def _connecting(self, args: Args) -> None:
        """Remember a database before the first connection can write it."""
        thread = threading.get_ident()
        if thread in self._own:
            return
        self._opening.pop(thread, None)
        path = database_path(args[0])
        if path is not None and not self._places.hold(path):
            return
        if path is not None and path not in self._stamps:
            if path not in self._first:
                self._first[path] = self._origin(path)
            self._stamps[path] = None
        self._opening[thread] = path

    def _origin(self, path: str) -> Optional[Content]:
        import sqlite3

        try:
            found = _stat(path)
            if not found.st_size or found.st_ctime_ns > self._looked:
                return EMPTY
            return self._read(path)
        except OSError:
            return EMPTY
        except sqlite3.Error:
            return None

    def _has_connected(self, args: Args) -> None:
        thread = threading.get_ident()
        if thread not in self._own and thread in self._opening:
            path = self._opening.pop(thread)
            if path is None:
                self._in_memory += 1
            label = (
                "memory database {}".format(self._in_memory)
                if path is None
                else self._places.told(path)
            )
            self._connected += 1
            self._handles[self._connected] = Handle(self._connected, args[0], path, label)

    # Reading.

    def _read(self, path: str) -> Content:
        """Read a file that may be in use, without waiting, locking it for long, or making another beside it."""
        import sqlite3

        has_log = _exists(path + "-wal")
        if has_log and not _exists(path + "-shm"):
            raise sqlite3.OperationalError(
                "nobody has finished what was being written when a process ended"
            )
        # Without a log or a journal nobody is writing: then it can be read as if it could never change, with no lock.
        # (Of a database in WAL mode that is the only way that makes no files.)
        is_quiet = not has_log and not _size(path + "-journal")
        with self._opened(path, "mode=ro" + ("&immutable=1" if is_quiet else "")) as connection:
            content = tables.read(connection)
            mode = "wal" if has_log else _journal_mode(connection, path) if is_quiet else "delete"
        pragmas = {**content.pragmas, "journal_mode": mode} if mode else content.pragmas
        return content._replace(pragmas=pragmas)

    def _opened(self, path: str, options: str) -> _Own:
        return _Own(self._own, path, options)

    def look(self) -> Look:
        """Read the databases again that have changed, going by the time and size of the files, or by the counters."""
        databases: Dict[str, Content] = dict(self._last.databases)
        for path, stamp in list(self._stamps.items()):
            self._look_at_file(path, stamp, databases)
        connections: Dict[int, Held] = {}
        for number, handle in list(self._handles.items()):
            if handle.is_gone():
                del self._handles[number]
                if handle.path is None:
                    databases.pop(handle.label, None)
            else:
                self._look_at_connection(handle, databases, connections)
        self._looked = now()
        look = Look(databases, connections)
        if look != self._last:
            self._last = look
        return self._last

    def _look_at_file(
        self, path: str, stamp: Optional[Stamp], databases: Dict[str, Content]
    ) -> None:
        import sqlite3

        seen = _stamp(path)
        if seen is None:
            del self._stamps[path]
            databases[path] = EMPTY
            if self._first.get(path) is EMPTY:
                del self._first[path], databases[path]
        elif seen != stamp:
            try:
                content = self._read(path) if seen[0] else EMPTY
            except sqlite3.Error:
                return  # somebody is writing it, or it is no database: another time
            if self._first.get(path) is None:
                self._first[path] = content
            if databases.get(path) != content:
                databases[path] = content
            is_settled = _stamp(path) == seen and max(seen[1], seen[4]) < now() - JUST_NOW
            self._stamps[path] = seen if is_settled else None

    def _look_at_connection(
        self, handle: Handle, databases: Dict[str, Content], connections: Dict[int, Held]
    ) -> None:
        import sqlite3

        connection = handle.connection()
        if connection is None:
            if handle.path is None:
                databases.pop(handle.label, None)
                handle.seen = ()
            return
        try:
            keys = tables.pragma(connection, "foreign_keys")
            connections[handle.number] = Held(handle.label, str(keys), connection.in_transaction)
            if handle.path is None:
                seen = (
                    connection.total_changes,
                    tables.pragma(connection, "schema_version"),
                    tables.pragma(connection, "user_version"),
                )
                if seen != handle.seen:
                    databases[handle.label] = tables.read(connection)
                    handle.seen = seen
        except sqlite3.Error:
            return  # another connection to the same memory has it locked, or an authorizer forbids it

    # Comparing.

    def changes(self, before: Look, after: Look) -> Iterator[Change]:
        """List the tables and pragmas that differ. A database that is gone concerns nobody any more."""
        if before is after:
            return
        for path, is_now in after.databases.items():
            was = self._then(before, path)
            is_gone = os.path.isabs(path) and not _exists(path)
            if was is not None and was is not is_now and not is_gone:
                can = not any(
                    held.label == path and held.is_in_transaction
                    for held in after.connections.values()
                )
                for change in _differences(self._places.told(path), was, is_now):
                    yield change if can else change._replace(can_put_back=False)
        for number, held in after.connections.items():
            had = before.connections.get(number, held._replace(is_in_transaction=False))
            of = " of connection {}".format(number)
            if had.foreign_keys != held.foreign_keys:
                key = "{}: pragma foreign_keys{}".format(held.label, of)
                yield Change(self.category, key, had.foreign_keys, held.foreign_keys)
            if held.is_in_transaction and not had.is_in_transaction:
                yield Change(
                    self.category, "{}: transaction{}".format(held.label, of), None, "open"
                )

    def _then(self, look: Look, path: str) -> Optional[Content]:
        return look.databases[path] if path in look.databases else self._first.get(path, EMPTY)

    # Putting back.

    def put_back(self, before: Look, key: str) -> None:
        """Write one table or pragma again, or roll back what was left open."""
        import sqlite3

        try:
            for number, handle in self._handles.items():
                of = " of connection {}".format(number)
                if key == "{}: transaction{}".format(handle.label, of):
                    _wanted(handle, key).rollback()
                    return
                if key == "{}: pragma foreign_keys{}".format(handle.label, of):
                    sql = "PRAGMA foreign_keys = {}".format(before.connections[number].foreign_keys)
                    sqlite3.Cursor(_wanted(handle, key)).execute(sql)
                    return
                if handle.path is None and key.startswith(handle.label + ": "):
                    connection = _wanted(handle, key)
                    if connection.in_transaction:
                        raise LookupError(key)
                    _put_back(
                        connection,
                        key[len(handle.label) + 2 :],
                        self._then(before, handle.label) or EMPTY,
                    )
                    handle.seen = ()
                    return
            for path in (*self._stamps, *self._first):
                label = self._places.told(path)
                if key.startswith(label + ": "):
                    self._put_back_in_file(
                        path, key[len(label) + 2 :], self._then(before, path) or EMPTY
                    )
                    return
        except sqlite3.Error as error:
            raise LookupError("{}: {}".format(key, error)) from error
        raise LookupError(key)

    def _put_back_in_file(self, path: str, what: str, was: Content) -> None:
        if not _exists(path):
            if was.tables:
                raise LookupError(what)
            return  # the file is gone, and what was new in it as well
        self._stamps[path] = None
        with self._opened(path, "mode=rw") as connection:
            _put_back(connection, what, was)


class _Own:
    """A connection of our own, which is no test's."""

    def __init__(self, own: Set[int], path: str, options: str) -> None:
        self._own = own
        self._name = "file:{}?{}".format(_escaped(path), options)

    def __enter__(self) -> Any:
        import sqlite3

        self._own.add(threading.get_ident())
        try:
            # The class, as tests replace the function.
            self._connection = sqlite3.Connection(
                self._name, timeout=0, isolation_level=None, uri=True
            )
        finally:
            self._own.discard(threading.get_ident())
        return self._connection

    def __exit__(self, *failure: object) -> None:
        self._connection.close()


def _escaped(path: str) -> str:
    for each in "%?#":
        path = path.replace(each, "%{:02x}".format(ord(each)))
    return path.replace(os.sep, "/")


def _size(path: str) -> int:
    try:
        return _stat(path).st_size
    except OSError:
        return 0


def _stamp(path: str) -> Optional[Stamp]:
    """Give size, time and inode of the database, then of its log; None where there is no database."""
    try:
        found = _stat(path)
    except OSError:
        return None
    try:
        log = _stat(path + "-wal")
    except OSError:
        return found.st_size, found.st_mtime_ns, found.st_ino, 0, 0, 0
    return found.st_size, found.st_mtime_ns, found.st_ino, log.st_size, log.st_mtime_ns, log.st_ino


def _journal_mode(connection: Any, path: str) -> Optional[str]:
    """Tell it from the header: of a database that can never change, SQLite says "delete" whatever it is."""
    serialize = getattr(connection, "serialize", None)
    if serialize is None or not 0 < _size(path) <= SMALL:
        return None
    return "wal" if serialize()[18] == WAL else "delete"


def _differences(label: str, was: Content, is_now: Content) -> Iterator[Change]:
    for name in dict.fromkeys((*was.tables, *is_now.tables)):
        had, has = was.tables.get(name), is_now.tables.get(name)
        one = had or has
        if one is None or _is_same(had, has):
            continue
        yield Change(
            Databases.category,
            "{}: {} {}".format(label, one.kind, name),
            None if had is None else had.told(None),
            None if has is None else has.told(had),
            can_put_back=one.can_be_put_back()
            if had is None or has is None
            else had.can_be_put_back(),
        )
    for name, value in is_now.pragmas.items():
        if was.pragmas.get(name, value) != value:
            yield Change(
                Databases.category, "{}: pragma {}".format(label, name), was.pragmas[name], value
            )


def _is_same(one: Optional[tables.Table], other: Optional[tables.Table]) -> bool:
    # Rows themselves are equal where 1 stands for 1.0.
    return (
        one is not None
        and other is not None
        and one._replace(rows=None) == other._replace(rows=None)
    )


def _put_back(connection: Any, what: str, was: Content) -> None:
    kind, _, name = what.partition(" ")
    if kind in ("table", "view"):
        tables.put_back(connection, name, kind, was.tables.get(name))
        return
    if tables.pragma(connection, "{} = {}".format(name, was.pragmas[name])) not in (
        None,
        was.pragmas[name],
    ):
        raise LookupError(what)


def _wanted(handle: Handle, key: str) -> Any:
    connection = handle.connection()
    if connection is None:
        raise LookupError(key)
    return connection


HANDLERS = MappingProxyType(
    {"sqlite3.connect": Databases._connecting, "sqlite3.connect/handle": Databases._has_connected}
)
