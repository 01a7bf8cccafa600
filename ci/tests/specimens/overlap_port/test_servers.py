"""A test that serves on a fixed port: it is fine by itself and in any order, but not while another test serves there."""

import contextlib
import os
import socket
import time
import zlib

# One of its own for each copy of this project, so that two of them do not meet; below the ports that the system gives.
PORT = 20_000 + zlib.crc32(os.path.dirname(os.path.abspath(__file__)).encode()) % 10_000


def serve():
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", PORT))
        server.listen()
        time.sleep(0.3)


def test_serves_rides():
    serve()


def test_serves_fares_if_it_can():
    with contextlib.suppress(OSError):
        serve()


def test_touches_nothing():
    assert sum(range(100)) == 4950
