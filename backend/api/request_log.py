"""A middleware that gives each request an id and, when it is over, a line in the log and its place in the metrics.

No line has a path (it may hold ids), a query, a header or a body. The id travels in the request's
ASGI scope, not in a context variable, which would be a global of the module.
"""

import logging
import re
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.watching import SCOPE_KEY, Watching

HEADER = "X-Request-ID"
ID_TEXT = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"})
OTHER = "other"  # method: whatever a client makes up must not become a label
NO_ROUTE = "none"
NOTE = "The request's id is "
"""How a note begins that an exception has once it is in the log (see `was_told`)."""
ANSWERS = frozenset(
    {"http.response.start", "websocket.accept", "websocket.http.response.start", "websocket.close"}
)
SWITCHING_PROTOCOLS = 101
FORBIDDEN = 403
FAILED = 500


class RequestLog:
    """Names, measures, counts and logs requests; the outermost of an app's own middlewares."""

    def __init__(self, app: ASGIApp, watching: Watching) -> None:
        self.app = app
        self.watching = watching

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; log what escapes it, and pass that on too."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        watching = self.watching
        status: int | None = None
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if ID_TEXT.fullmatch(given) else watching.make_id()
        scope[SCOPE_KEY] = request_id
        begun = watching.stopwatch()

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] in ANSWERS:
                status = _status(message) if status is None else status
                if message["type"] != "websocket.close":
                    message.setdefault("headers", ())
                    MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_named)
        except Exception as problem:
            status = FAILED if status is None else status
            fields = {"request_id": request_id, "method": _method(scope), "route": route_of(scope)}
            watching.logger.exception("An error that nobody foresaw.", extra=fields)
            problem.add_note(f"{NOTE}{request_id}.")
            raise
        finally:
            over = _Over(_method(scope), route_of(scope), status, watching.stopwatch() - begun)
            _tell(watching, over, request_id)


@dataclass(frozen=True, slots=True)
class _Over:
    """A request that is over."""

    method: str
    route: str
    status: int | None
    seconds: float


def was_told(problem: BaseException) -> bool:
    """Say whether a `RequestLog` has logged an exception, so that a server need not do it again."""
    return any(note.startswith(NOTE) for note in getattr(problem, "__notes__", ()))


def _tell(watching: Watching, over: _Over, request_id: str) -> None:
    if over.method != "WEBSOCKET":  # which lasts as long as somebody listens
        watching.metrics.request(over.method, over.route, over.status, over.seconds)
    if watching.logger.isEnabledFor(logging.INFO):
        fields = {
            "request_id": request_id,
            "method": over.method,
            "route": over.route,
            "status": over.status,
            "duration_ms": round(over.seconds * 1000, 3),
        }
        what = f"{over.method} {over.route} {over.status or 'unanswered'}"
        watching.logger.info("%s", what, extra=fields)


def _status(message: Message) -> int:
    match message["type"]:
        case "websocket.accept":
            return SWITCHING_PROTOCOLS
        case "websocket.close":
            return FORBIDDEN  # before it was accepted: ASGI's WebSocket specification, "Close"
        case _:
            return int(message["status"])


def _method(scope: Scope) -> str:
    method = "WEBSOCKET" if scope["type"] == "websocket" else str(scope["method"])
    return method if method in METHODS else OTHER


def route_of(scope: Scope) -> str:
    """Return the template of the path, such as /v1/stops/{stop_id}; `none` where no route was found."""
    template = getattr(scope.get("route"), "path_format", None)
    return template if isinstance(template, str) else NO_ROUTE
