"""The functions of Python and the system as they were before any test could replace them.

What runs between tests, or behind them in a fork, calls these: a test may have patched the others, and left it so.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import random
import select
import socket
import sys
import tempfile
import threading
from typing import Callable, List

# Processes.
process_id, end_process, fork = os.getpid, os._exit, os.fork
lead_group, kill_group, wait = os.setpgid, os.killpg, os.waitpid
count_threads = threading.active_count

# Descriptors.
open_file, read, write, close = os.open, os.read, os.write, os.close
seek, look_at_open, duplicate_to = os.lseek, os.fstat, os.dup2
read_at, control, GET_FLAGS = os.pread, fcntl.fcntl, fcntl.F_GETFL
is_inheritable, is_blocking, set_blocking = os.get_inheritable, os.get_blocking, os.set_blocking

# Files by their names.
scan_folder, list_folder, look, read_link = os.scandir, os.listdir, os.lstat, os.readlink
make_link, make_folder, change_mode = os.symlink, os.mkdir, os.chmod
remove, remove_folder = os.unlink, os.rmdir

# Sockets, and values.
Socket, socket_pair = socket.socket, socket.socketpair
dump_json = json.dumps
random_state, set_random_state = random.getstate, random.setstate
all_objects = gc.get_objects

if sys.platform == "linux":  # the others have no laboratory that forks
    wait_id, Epoll = os.waitid, select.epoll
make_temporary = tempfile.mkstemp


def _make_unnamed_file(_: str) -> int:
    file, path = make_temporary()
    remove(path)
    return file


# A Python that was built for old systems lacks the first.
make_memory_file: Callable[[str], int] = getattr(os, "memfd_create", _make_unnamed_file)


def read_whole(path: str) -> bytes:
    """Read a file. Raises OSError where that cannot be done."""
    file = open_file(path, os.O_RDONLY)
    try:
        parts: List[bytes] = []
        while True:
            part = read(file, 1 << 20)
            if not part:
                return b"".join(parts)
            parts.append(part)
    finally:
        close(file)


def write_whole(file: int, content: bytes) -> None:
    """Write all of it. Raises OSError where that cannot be done."""
    while content:
        content = content[write(file, content) :]
