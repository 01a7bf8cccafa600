"""A real server on a free port of this machine, in a thread of the test's own process."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from fastapi import FastAPI

from backend.tools.serve import listen, server_of, url_of


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve the app and give its address; connections are queued until it is ready."""
    server = server_of(app)
    with listen("127.0.0.1", 0) as listener:
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join()
