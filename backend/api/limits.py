"""A middleware that stops reading a body once it is longer than any honest ride, or feed."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.errors import ApiError, envelope
from backend.api.services import has_started, services_of

BYTES_PER_SEGMENT = 4096  # two stop ids of 100 characters, each of them an escape, and the numbers
BYTES_AROUND = 8192
FEED_PATH = "/v1/admin/feed"
BYTES_PER_MIB = 2**20
MOST_DIGITS = 12  # of a Content-Length; a longer number is beyond every limit by these alone


def longest_body(max_segments_per_ride: int) -> int:
    """Return the bytes that the body of an honest ride may have."""
    return BYTES_AROUND + BYTES_PER_SEGMENT * max_segments_per_ride


class BodyLimit:
    """Answers 413 to a request whose body is, or says it is, longer than allowed: than any ride, or feed.

    Starlette's own limit answers in plain text, and this service has one envelope for everything.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, counting what is read of it."""
        if scope["type"] != "http" or not has_started(HTTPConnection(scope)):
            await self.app(scope, receive, send)
            return
        settings = services_of(HTTPConnection(scope)).settings
        takes_feed = scope["path"] == FEED_PATH
        limit = (
            settings.max_feed_mib * BYTES_PER_MIB
            if takes_feed
            else longest_body(settings.max_segments_per_ride)
        )
        advice = "send a smaller feed" if takes_feed else "send fewer segments"
        declared = Headers(scope=scope).get("content-length", "")
        # No honest length has more digits, and int() refuses texts of more than some thousand.
        if declared.isdecimal() and int(declared.lstrip("0")[:MOST_DIGITS] or "0") > limit:
            await envelope(_too_large(limit, advice))(scope, receive, send)
            return
        length = 0

        async def receive_counting() -> Message:
            nonlocal length
            message = await receive()
            length += len(message.get("body", b""))
            if length > limit:
                raise _too_large(limit, advice)
            return message

        await self.app(scope, receive_counting, send)


def _too_large(limit: int, advice: str) -> ApiError:
    return ApiError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body_too_large",
        f"The body is longer than the {limit} bytes allowed; {advice}.",
    )
