"""Routes that only an administrator may use, with a token that has the scope for it."""

import logging
from http import HTTPStatus

from fastapi import Request
from fastapi.routing import APIRoute

from backend.api.auth import bearer_token, guarded_route
from backend.api.errors import ApiError
from backend.api.request_log import route_of
from backend.api.services import services_of
from backend.api.watching import request_id_of
from backend.core.scopes import Scope
from backend.core.tokens import read_token


def scoped_route(scope: Scope) -> type[APIRoute]:
    """Return the kind of route that asks for a token with this scope before it reads a body."""

    async def ask(request: Request) -> None:
        require_scope(request, scope)

    return guarded_route(ask)


def require_scope(request: Request, scope: Scope) -> None:
    """Raise ApiError unless the request carries a good token (401) that has the scope (403).

    Whatever is wrong with a token, the answer is the same. What an administrator does is logged.
    """
    services = services_of(request)
    settings = services.settings
    administrator = read_token(
        bearer_token(request),
        settings.admin_signing_keys,
        services.clock.now(),
        settings.admin_token_lifetime,
    )
    if administrator is None:
        raise ApiError(
            HTTPStatus.UNAUTHORIZED,
            "unauthorized",
            "The administrator's token is missing or not valid; send the header Authorization: Bearer"
            " <token>.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if scope.value not in administrator.scopes:
        raise ApiError(
            HTTPStatus.FORBIDDEN,
            "forbidden",
            f"This token does not have the scope {scope.value}; use one that has.",
            # RFC 6750, section 3.1
            headers={
                "WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope.value}"'
            },
        )
    logging.getLogger(__name__).info(
        "Administrator %r, token %r: %s %s",
        administrator.subject,
        administrator.token_id,
        request.method,
        route_of(request.scope),
        extra={"request_id": request_id_of(request)},
    )
