"""Routes that not everybody may use: those for the holder of a key, and how a route asks at all."""

import secrets
from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from backend.api.errors import ApiError
from backend.api.services import Services, services_of
from backend.core.keys import digest
from backend.core.store import is_valid_key


def guarded_route(ask: Callable[[Request], Awaitable[None]]) -> type[APIRoute]:
    """Return the kind of route that asks, of who sends a request, something before it reads anything else of it.

    As an ordinary dependency the question would come after the parsing of the body, and anybody
    could make the service parse.
    """

    class GuardedRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            """Put the question in front of the route's own handler."""
            handle = super().get_route_handler()

            async def handle_guarded(request: Request) -> Response:
                await ask(request)
                return await handle(request)

            return handle_guarded

    return GuardedRoute


async def require_key(request: Request) -> None:
    """Raise ApiError (401) unless the request carries `Authorization: Bearer <a key>`.

    Wrong, revoked and missing keys are answered alike.
    """
    token, services = bearer_token(request), services_of(request)
    # The database may have to be waited for, which is done in a thread, as in every route.
    if token and (
        _is_first_key(token, services) or await run_in_threadpool(_is_stored_key, token, services)
    ):
        return
    raise ApiError(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        "The key is missing or wrong; send the header Authorization: Bearer <key>.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def bearer_token(request: Request) -> str:
    """Return what a request shows as its Bearer token (RFC 6750), empty if it shows none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _is_first_key(token: str, services: Services) -> bool:
    """Whether this is the key of the settings."""
    expected = services.settings.api_key
    # compare_digest takes as long for a near miss as for a wild guess, and of digests it does not
    # tell by its time how long the key is either.
    return expected is not None and secrets.compare_digest(
        digest(token), digest(expected.get_secret_value())
    )


def _is_stored_key(token: str, services: Services) -> bool:
    with services.database.reading() as transaction:
        return is_valid_key(transaction, token)
