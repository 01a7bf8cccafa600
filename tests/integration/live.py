"""A real server on a free port of this machine, in a thread of the test's own process."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import httpx2
from fastapi import FastAPI

from backend.tools.serve import listen, server_of, url_of


@contextmanager
def serving(
    app: FastAPI, *, send_buffer: int | None = None, ping: float | None = None
) -> Iterator[str]:
    """Serve the app and give its address; connections are queued until it is ready.

    `send_buffer` bytes are what the system holds for a client that does not read; else it chooses.
    `ping` seconds are between two pings, and to the answer to each; else they are the service's.
    """
    server = server_of(app)
    if ping is not None:
        server.config.ws_ping_interval = server.config.ws_ping_timeout = ping
    with listen("127.0.0.1", 0) as listener:
        if send_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join()


def connect(url: str) -> httpx2.Client:
    """Open a client of a server on this machine, with as many connections as are in use at once."""
    # Nothing here speaks TLS, and loading the certificates of the world takes longer than a test.
    nobody_trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    limits = httpx2.Limits(max_connections=None)
    return httpx2.Client(base_url=url, limits=limits, trust_env=False, verify=nobody_trusted)
