"""A disk that is full makes tests fail and records end early: that is told as what it is, and never a finding."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
from typing import TYPE_CHECKING

from shakeproof.errors import ShakeproofError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEAST_ROOM = 16 << 10  # bytes; with less than that left nobody can work
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
RECORD_LOST = 94  # exit status of a run that had no room for its record (shakeproof_sinks.py)


def check_room(*folders: Path) -> None:
    """Look at what failed: see that it was not for want of room.

    Raises ShakeproofError where one of the folders is on a full disk.
    """
    for folder in folders:
        found = os.statvfs(folder)
        free = found.f_bavail if os.geteuid() else found.f_bfree  # some is kept back for root
        if found.f_blocks and free * found.f_frsize < LEAST_ROOM:
            raise _no_room(folder)


def check_recorded(exit_status: int, folder: Path, log: Path) -> None:
    """See that a run could write what it had to, its record and its log.

    Raises ShakeproofError where it could not.
    """
    largest, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    cut = largest != resource.RLIM_INFINITY and log.stat().st_size >= largest
    if exit_status == RECORD_LOST:
        raise _no_room(folder)
    if cut:
        raise _no_room(log.parent)
    check_room(folder, log.parent)


@contextlib.contextmanager
def needing_room(folder: Path) -> Iterator[None]:
    """Say in one sentence that a file could not be written for want of room (ShakeproofError)."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise _no_room(folder) from error


def _no_room(folder: Path) -> ShakeproofError:
    return ShakeproofError(
        f"There is no room left in {folder}, so nothing can be judged: make room there, "
        "or name other places with TMPDIR and --out."
    )
