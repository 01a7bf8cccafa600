"""What one running app is made of, in one frozen value."""

from dataclasses import dataclass
from datetime import datetime

from starlette.requests import HTTPConnection

from backend.core.clock import Clock
from backend.core.live import Hub
from backend.core.settings import Settings
from backend.core.storage import Database


@dataclass(frozen=True)
class Services:
    """Everything that routes, middleware and lifespan need, made for one app alone."""

    settings: Settings
    clock: Clock
    database: Database
    started_at: datetime
    live: Hub


def services_of(connection: HTTPConnection) -> Services:
    """Return the services of the app that a request (or WebSocket) has reached."""
    services = getattr(connection.app.state, "services", None)
    if not isinstance(services, Services):
        raise RuntimeError("The app has not started: its lifespan did not run; use `with`.")  # noqa: TRY004
    return services
