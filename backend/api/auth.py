"""Routes that only the holder of the key may use."""

import hashlib
import secrets
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from backend.api.errors import ApiError
from backend.api.services import services_of


class KeyedRoute(APIRoute):
    """A route that asks for the key before it reads anything else of a request.

    As an ordinary dependency the question would come after the parsing of the body, and anybody
    could make the service parse.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the question in front of the route's own handler."""
        handle = super().get_route_handler()

        async def handle_keyed(request: Request) -> Response:
            require_key(request)
            return await handle(request)

        return handle_keyed


def require_key(request: Request) -> None:
    """Raise ApiError (401) unless the request carries `Authorization: Bearer <the key>`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    expected = services_of(request).settings.api_key.get_secret_value()
    # compare_digest takes as long for a near miss as for a wild guess, and of digests it does not
    # tell by its time how long the key is either.
    if scheme.lower() == "bearer" and secrets.compare_digest(
        _digest(token.strip()), _digest(expected)
    ):
        return
    raise ApiError(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        "The key is missing or wrong; send the header Authorization: Bearer <key>.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
