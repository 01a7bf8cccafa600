"""What one app is watched with, and the name that each of its requests has."""

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from backend.api.metrics import Metrics

LOGGER = "backend.api"
SCOPE_KEY = "bus_times.request_id"
"""Where a request's id is in its ASGI scope: with the request, and gone with it."""
BYTES_OF_AN_ID = 16


def new_id() -> str:
    """Return an id that nobody has had: 32 hexadecimal digits."""
    return secrets.token_hex(BYTES_OF_AN_ID)


@dataclass(frozen=True)
class Watching:
    """Where an app writes its log, and what it counts, measures and names its requests with.

    One for each app: apps that are given the same one count together. An app adds no handler and
    sets no level; that is for whoever owns the process.
    """

    logger: logging.Logger = field(default_factory=lambda: logging.getLogger(LOGGER))
    make_id: Callable[[], str] = new_id
    stopwatch: Callable[[], float] = time.perf_counter
    """Seconds since some moment; never runs backwards."""
    metrics: Metrics = field(default_factory=Metrics)


def request_id_of(connection: HTTPConnection) -> str:
    """Return the id of a request (or WebSocket)."""
    return str(connection.scope[SCOPE_KEY])
