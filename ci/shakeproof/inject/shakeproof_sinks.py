"""Where the record goes: to a file, from a process that runs one order, or to a socket, from one of many forks."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import socket
from typing import Dict, List, Sequence

import shakeproof_real as real

# A run whose record has no room ends at once, half a line behind: an exception here would look like the tests' own.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
RECORD_LOST = 94  # exit status, which the laboratory knows


class FileSink:
    """Appends one JSON value a line. A test that deletes the folder or patches `open` changes nothing."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.owner = real.process_id()
        self._file = self._open_to_append()

    def _open_to_append(self) -> int:
        return real.open_file(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, line: Dict[str, object]) -> None:
        """Write one line, unless a test forked and its child came back into pytest."""
        if real.process_id() != self.owner:
            return
        data = (real.dump_json(line) + "\n").encode()
        try:
            self._write_whole(data)
        except OSError:  # a test closed every descriptor
            self._file = self._open_to_append()
            self._write_whole(data)

    def _write_whole(self, data: bytes) -> None:
        try:
            real.write_whole(self._file, data)
        except OSError as error:
            if error.errno in FULL:
                real.end_process(RECORD_LOST)
            raise


class SocketSink:
    """Sends each JSON value as one datagram: those of many processes reach one reader, whole and in their order.

    The socket is found by its path, so that a process whose descriptors a test has closed finds it again.
    """

    def __init__(self, path: str, place: Sequence[object]) -> None:
        self._path = path
        self._place = place  # who speaks: the template, or which fork of which request
        self.owner = real.process_id()
        self._socket = self._connect()
        self._spilled = itertools.count()
        self._held: List[Dict[str, object]] = []

    def _connect(self) -> socket.socket:
        connected = real.Socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        connected.connect(self._path)
        return connected

    def adopt(self, place: Sequence[object]) -> None:
        """Speak from now on for the fork that runs here."""
        self._place = place
        self.owner = real.process_id()
        self._held = []

    def write(self, line: Dict[str, object]) -> None:
        """Send one value, unless a test forked and its child came back into pytest.

        The phases of a test wait for its last one: each value wakes the reader, who takes the time of a core from the
        tests. Lost with their process they are missed by nobody: a test that started and never ended has crashed.
        """
        if real.process_id() != self.owner:
            return
        if line["event"] == "report" and line["when"] != "teardown":
            self._held.append(line)
            return
        if self._held:
            line = {"before": self._held, **line}
            self._held = []
        self.send(self._place, line)

    def send(self, place: Sequence[object], line: Dict[str, object]) -> None:
        """Send one value on behalf of a fork."""
        data = real.dump_json({"of": list(place), **line}).encode()
        try:
            self._socket.send(data)
        except OSError as error:
            if error.errno in (errno.EMSGSIZE, errno.ENOBUFS):
                self._socket.send(real.dump_json({"file": self._spill(data)}).encode())
                return
            # A test closed every descriptor; or else there is nobody left to tell.
            with contextlib.suppress(ConnectionError, FileNotFoundError):
                self._socket = self._connect()
                self._socket.send(data)

    def _spill(self, data: bytes) -> str:
        """Put what is too large for a datagram into a file beside the socket."""
        path = "{}.{}.{}".format(self._path, real.process_id(), next(self._spilled))
        file = real.open_file(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        real.write_whole(file, data)
        real.close(file)
        return path
