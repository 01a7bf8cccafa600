"""What one running app is made of, in one frozen value."""

from dataclasses import dataclass, field
from datetime import datetime

from starlette.requests import HTTPConnection

from backend.api.gate import QUESTIONS, Gate
from backend.api.kept_messages import KeptMessages
from backend.api.watching import Watching
from backend.core.clock import Clock
from backend.core.live import Hub
from backend.core.settings import Settings
from backend.core.storage import Database
from backend.core.store import EtaCache


@dataclass(frozen=True)
class Services:
    """Everything that routes, middleware and lifespan need, made for one app alone."""

    settings: Settings
    clock: Clock
    database: Database
    started_at: datetime
    live: Hub
    etas: EtaCache = field(default_factory=EtaCache)
    watching: Watching = field(default_factory=Watching)
    questions: Gate = field(default_factory=lambda: Gate("questions", QUESTIONS))
    trip_updates: KeptMessages = field(default_factory=KeptMessages)


def has_started(connection: HTTPConnection) -> bool:
    """Say whether the lifespan of the app that a request (or WebSocket) has reached has begun."""
    return isinstance(getattr(connection.app.state, "services", None), Services)


def services_of(connection: HTTPConnection) -> Services:
    """Return the services of the app that a request (or WebSocket) has reached."""
    services = getattr(connection.app.state, "services", None)
    if not isinstance(services, Services):
        raise RuntimeError("The app has not started: its lifespan did not run; use `with`.")  # noqa: TRY004
    return services


async def own_services(connection: HTTPConnection) -> Services:
    """Return the same, as a dependency of routes: a function that is not `async` would cost a thread each time."""
    return services_of(connection)
