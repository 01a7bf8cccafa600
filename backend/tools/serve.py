"""`python -m backend serve`: the API on a socket of this machine."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from fastapi import FastAPI

from backend.api.app import create_app
from backend.core.clock import Clock
from backend.core.settings import Settings
from backend.core.store import any_valid_key
from backend.core.student_t import t_quantile
from backend.tools.errors import CommandError
from backend.tools.logs import logging_to
from backend.tools.opening import opened
from backend.tools.sockets import LARGEST_MESSAGE, PING_SECONDS, LiveProtocol, LiveServer

SWITCH_SECONDS = 0.0005
"""After so long a thread that computes lets another one go on: the event loop, which answers everybody, waits for no
ride longer than that. (Python's 5 ms are the time of a whole ride.)"""
SECONDS_TO_FINISH = 10  # for requests under way when the service is asked to stop


def serve(settings: Settings, clock: Clock, host: str, port: int) -> None:
    """Serve until interrupted; port 0 lets the system choose a free one.

    Raises CommandError when nobody can listen there or nobody could post, DatabaseError when the database is unusable.
    """
    _check_database(settings)
    sys.setswitchinterval(SWITCH_SECONDS)
    server = server_of(create_app(settings, clock=clock))
    t_quantile(0.9, 1)  # imports SciPy: no rider shall wait for that
    with listen(host, port) as listener:
        # Connections are queued from here on, so whoever reads the line may connect at once.
        print(f"Serving on {url_of(listener)} (Ctrl-C stops it)", flush=True)
        # Once it has shut down in good order, uvicorn passes Ctrl-C on.
        with (
            logging_to(sys.stderr, settings, clock),
            suppress(KeyboardInterrupt),
            _one_sentence(),
        ):
            server.run(sockets=[listener])
    print("Stopped.", flush=True)


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Tell in a sentence that the app's lifespan failed, for which uvicorn exits with 3."""
    try:
        yield
    except SystemExit:
        raise CommandError(
            "The service did not start or end in good order; what failed stands in the log above."
        ) from None


def _check_database(settings: Settings) -> None:
    """Fail with a sentence now, not with a traceback in the app's lifespan; somebody has to have a key too."""
    with opened(settings) as database:
        if settings.api_key is None and not settings.admin_signing_keys:
            with database.reading() as transaction:
                if not any_valid_key(transaction):
                    raise CommandError(
                        "BMTC_API_KEY is not set and no key is stored; set it to a secret of at least"
                        " 16 visible ASCII characters, or run `python -m backend keys add NAME`."
                    )


def server_of(app: FastAPI) -> uvicorn.Server:
    """Build the HTTP server of an app."""
    config = uvicorn.Config(
        app,
        lifespan="on",
        ws=LiveProtocol,
        ws_max_size=LARGEST_MESSAGE,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,  # for messages of 200 bytes it costs more than it saves
        log_config=None,  # logging belongs to the process: `logging_to`
        access_log=False,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    # uvicorn imports its parts when they are first asked for. Here a failing import is the caller's
    # to see; in a thread that serves, it would only end the thread.
    config.load()
    config.get_loop_factory()
    return LiveServer(config, app)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; CommandError when nothing can listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Not socket.create_server: asyncio turns Nagle's algorithm off only where it is told that the
    # protocol is TCP, and with it on every answer takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as problem:
        listener.close()
        raise CommandError(
            f"Nothing can listen on port {port} of {host} ({problem.strerror}); choose another with"
            " --port or --host."
        ) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the address at which a listening socket answers HTTP."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
