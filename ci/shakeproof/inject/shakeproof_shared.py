"""What forks of one process would share: each has it for itself, or it is said that there is something (Linux).

A fork has a memory of its own, but not what the memory refers to: how far an open file is read, what is written to a
file without a name, who is woken by a call to an event loop, and memory that was mapped to be shared.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import sys
from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, Sequence, Tuple

import shakeproof_real as real

DESCRIPTORS, MAPPINGS = "/proc/self/fd", "/proc/self/maps"
STANDARD = 2  # the last descriptor that is not the project's
# Mapped by a lock of `multiprocessing`: forks meet in it only as long as one of them holds it.
LOCKS = "/dev/shm/sem."  # noqa: S108
IN_MEMORY = ("/dev/shm/", "/dev/zero", "/memfd:", "/SYSV")  # noqa: S108
REMOVED = " (deleted)"
Pair = Tuple[int, int]


def open_files() -> Iterator[Tuple[int, os.stat_result]]:
    """List the descriptors that are open, and what each refers to."""
    for name in real.list_folder(DESCRIPTORS):
        with contextlib.suppress(OSError):  # the one that listed them is closed by now
            yield int(name), real.look_at_open(int(name))


def connections() -> int:
    """Count the network sockets that are open: forks would share them, and talk across each other."""
    found = 0
    for number, opened in open_files():
        if stat.S_ISSOCK(opened.st_mode):
            with real.Socket(fileno=os.dup(number)) as connection:
                found += connection.family in (socket.AF_INET, socket.AF_INET6)
    return found


def channels() -> FrozenSet[int]:
    """List the descriptors of sockets, pipes, and of what waits for descriptors: selectors have no type of file."""
    return frozenset(
        number
        for number, found in open_files()
        if stat.S_ISSOCK(found.st_mode)
        or stat.S_ISFIFO(found.st_mode)
        or not stat.S_IFMT(found.st_mode)
    )


def shared_memory() -> FrozenSet[str]:
    """List the memory that a process and its forks write for each other: where it lies, and what it is called."""
    found = set()
    for line in os.fsdecode(real.read_whole(MAPPINGS)).splitlines():
        where, rights, _, _, _, *name = line.split(None, 5)
        if rights[1] == "w" and rights[3] == "s":
            found.add(" ".join((where, *name)))
    return frozenset(found)


def memory_of_forks() -> Sequence[str]:
    """Name the memory in which forks would meet, and processes that have nothing but files in common would not."""
    names = {mapping.partition(" ")[2] for mapping in shared_memory()}
    return sorted(
        name
        for name in names
        if (name.startswith(IN_MEMORY) or name.endswith(REMOVED)) and not name.startswith(LOCKS)
    )


class Parting:
    """What a process has open, for its forks to part from. Made before they are forked, by whom they come from."""

    def __init__(self, ours: Iterable[int], captures: Sequence[int]) -> None:
        """Leave alone the descriptors that are `ours`; `captures` are the files into which output is captured."""
        self._captures = captures
        self._besides = frozenset((*ours, *captures))
        self._pairs: Dict[Pair, Sequence[Tuple[int, int]]] = {}
        for pair in _pairs_of_loops():
            with contextlib.suppress(
                OSError
            ):  # closed by its number, of which the loop knows nothing
                self._pairs[pair] = _who(pair)
        self._selectors = [number for number, _ in open_files() if _is_selector(number)]
        self.look_again()

    def look_again(self) -> None:
        """Take in which files are open by now."""
        self._files = _by_what_they_share(self._open_for_the_project())

    def _open_for_the_project(self) -> Iterator[int]:
        for number, found in open_files():
            if stat.S_ISREG(found.st_mode) and number > STANDARD and number not in self._besides:
                yield number

    @property
    def waits(self) -> bool:
        """Whether an event loop waits for more than its own calls: forks cannot have that for themselves."""
        own = {reading for reading, _ in self._pairs}
        return not all(own.issuperset(_waited_for(number)) for number in self._selectors)

    @property
    def locks(self) -> bool:
        """Whether a file is locked: the lock would stay with whom the forks come from, whatever they do."""
        open_now = (number for files in self._files for number in files)
        return any(b"\nlock:" in _told_of(number) for number in open_now)

    def part(self) -> None:
        """Have all of it for oneself. What cannot be had goes on being shared: that must break nobody's run."""
        for number in self._captures:
            with contextlib.suppress(OSError):
                _put_in_place(_copied(number), [number])
        for files in self._files:
            with contextlib.suppress(OSError):
                _put_in_place(_opened_anew(files[0]), files)
        for pair, known in list(self._pairs.items()):
            with contextlib.suppress(OSError):
                if _who(pair) == known:  # else it was closed, and these are others
                    _connect_anew(pair)
                    self._pairs[pair] = _who(pair)
        for number in self._selectors:
            with contextlib.suppress(OSError):
                if _is_selector(number):
                    _wait_anew(number)


def _who(pair: Pair) -> Sequence[Tuple[int, int]]:
    """Tell one socket from another that has its number. Raises OSError where there is none."""
    found = [real.look_at_open(number) for number in pair]
    return [(each.st_dev, each.st_ino) for each in found]


def _by_what_they_share(numbers: Iterable[int]) -> Sequence[Sequence[int]]:
    """Put together the descriptors of which one is a copy of the other: moving one moves both."""
    groups: List[List[int]] = []
    for number in sorted(numbers):
        for group in groups:
            if _is_copy(group[0], number):
                group.append(number)
                break
        else:
            groups.append([number])
    return groups


def _is_copy(one: int, other: int) -> bool:
    if _who((one, one)) != _who((other, other)):
        return False
    offset = real.seek(one, 0, os.SEEK_CUR)
    if real.seek(other, 0, os.SEEK_CUR) != offset:
        return False
    real.seek(one, offset + 1, os.SEEK_SET)
    moved = real.seek(other, 0, os.SEEK_CUR) != offset
    real.seek(one, offset, os.SEEK_SET)
    return moved


def _opened_anew(number: int) -> int:
    """Open a file once more, read as far; if it has no name, and is written to, nobody but its owner shall see that."""
    flags = real.control(number, real.GET_FLAGS) & ~(os.O_CREAT | os.O_EXCL | os.O_TRUNC)
    if not real.look_at_open(number).st_nlink and flags & os.O_ACCMODE != os.O_RDONLY:
        return _copied(number)
    own = real.open_file("{}/{}".format(DESCRIPTORS, number), flags)
    real.seek(own, real.seek(number, 0, os.SEEK_CUR), os.SEEK_SET)
    return own


def _copied(number: int) -> int:
    """Make a file in memory with the same content, read as far."""
    own = real.make_memory_file("copied")
    try:
        offset = 0
        while True:
            part = real.read_at(number, 1 << 20, offset)
            if not part:
                break
            real.write_whole(own, part)
            offset += len(part)
        real.seek(own, real.seek(number, 0, os.SEEK_CUR), os.SEEK_SET)
    except OSError:  # it may be open for writing only
        real.close(own)
        raise
    return own


def _put_in_place(own: int, numbers: Iterable[int]) -> None:
    """Have one's own file where others were."""
    for number in numbers:
        real.duplicate_to(own, number, inheritable=real.is_inheritable(number))
    real.close(own)


def _pairs_of_loops() -> Iterator[Pair]:
    """List the sockets through which asyncio's event loops are called: loops that are open, and wait for no more.

    Nothing is asked of a loop itself.
    """
    events = sys.modules.get("asyncio.selector_events")
    kind = getattr(events, "BaseSelectorEventLoop", None)
    if kind is None:
        return
    for loop in real.all_objects():
        if issubclass(type(loop), kind):
            own: Dict[str, Any] = object.__getattribute__(loop, "__dict__")
            ends = own.get("_ssock"), own.get("_csock")
            if all(type(end) is real.Socket for end in ends):
                reading, writing = (real.Socket.fileno(end) for end in ends)  # type: ignore[arg-type]
                if min(reading, writing) >= 0:
                    yield reading, writing


def _connect_anew(pair: Pair) -> None:
    for number, own in zip(pair, real.socket_pair()):  # noqa: B905  (two and two; Python 3.9)
        with own:
            real.set_blocking(own.fileno(), real.is_blocking(number))
            real.duplicate_to(own.fileno(), number, inheritable=real.is_inheritable(number))


def _is_selector(number: int) -> bool:
    """Tell whether a descriptor waits for others (epoll)."""
    try:
        found = real.read_link("{}/{}".format(DESCRIPTORS, number))
    except OSError:
        return False
    return found == "anon_inode:[eventpoll]"


def _waited_for(selector: int) -> Dict[int, int]:
    """Tell for what it waits: descriptors, and events. A line reads `tfd:        7 events:       19 data: ...`."""
    lines = (line.split() for line in _told_of(selector).splitlines())
    return {int(words[1]): int(words[3], 16) for words in lines if words[:1] == [b"tfd:"]}


def _told_of(number: int) -> bytes:
    """Read what the system tells of an open file."""
    return real.read_whole("/proc/self/fdinfo/{}".format(number))


def _wait_anew(selector: int) -> None:
    """Wait for the same, but by oneself."""
    waited_for = _waited_for(selector)
    with real.Epoll() as own:
        for number, events in waited_for.items():
            own.register(number, events)
        real.duplicate_to(own.fileno(), selector, inheritable=real.is_inheritable(selector))
