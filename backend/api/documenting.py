"""What the OpenAPI document says beside the shapes of bodies: refusals, headers, and who may ask.

Nothing in it depends on settings, on the machine or on the version of Python: `docs/openapi.json` is the same
everywhere.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic.json_schema import models_json_schema

from backend.api.models import Envelope
from backend.api.request_log import HEADER as REQUEST_ID
from backend.core.settings import PRIVATE, Settings

ALWAYS_POSSIBLE = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.INTERNAL_SERVER_ERROR)
LIMIT_HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
PUBLIC_SETTINGS = "PublicSettings"

# Not HTTPStatus.phrase, which is not the same in all versions of Python.
MEANINGS: Mapping[HTTPStatus, str] = MappingProxyType(
    {
        HTTPStatus.BAD_REQUEST: "The body cannot be read, or a header that is needed is missing.",
        HTTPStatus.UNAUTHORIZED: "The key or token is missing or not valid.",
        HTTPStatus.FORBIDDEN: "The token does not have the scope.",
        HTTPStatus.NOT_FOUND: "There is no such thing, or nothing is known about it.",
        HTTPStatus.CONFLICT: "The key or name was used before.",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too long.",
        HTTPStatus.UNPROCESSABLE_ENTITY: "The request has the wrong shape, or goes beyond a limit.",
        HTTPStatus.TOO_MANY_REQUESTS: "The device has sent all the rides it may for now.",
        HTTPStatus.INTERNAL_SERVER_ERROR: "The service failed in a way it did not foresee.",
        HTTPStatus.SERVICE_UNAVAILABLE: "The service or its database cannot answer now; try later.",
    }
)
HEADERS: Mapping[str, tuple[str, str, bool]] = MappingProxyType(
    {
        REQUEST_ID: ("string", "the request's id, as in the log", True),
        "WWW-Authenticate": ("string", "Bearer, and what was missing (RFC 6750, section 3)", True),
        "Retry-After": ("integer", "seconds after which the ride is let in", True),
        "RateLimit-Limit": ("integer", "rides that a device may send at once", False),
        "RateLimit-Remaining": ("integer", "rides that may follow now", False),
        "RateLimit-Reset": ("integer", "seconds after which one more ride may follow", False),
        "Idempotency-Replayed": ("string", "`true` if this is the first answer, again", False),
        "Cache-Control": ("string", "`no-store`: the answer holds a secret", True),
    }
)
"""Type, meaning, and whether each of the answers that are said to have it does."""

ABOUT = (
    "Every answer that is not a success has the shape `Envelope`; a path that is not here is a 404, another method a"
    " 405, in the same shape. The WebSocket `/v1/eta/live`, which OpenAPI cannot describe, is in docs/live.md."
)
TAGS: Mapping[str, str] = MappingProxyType(
    {
        "rides": "what riders' phones send",
        "estimates": "how long trips take, and how well that was predicted",
        "timetable": "stops, routes and departures of the feed",
        "administrators": "for tokens with the scope that each names",
        "operations": "for whoever runs the service",
    }
)

REFUSED_WITH: Mapping[HTTPStatus, tuple[str, ...]] = MappingProxyType(
    {
        HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate",),
        HTTPStatus.FORBIDDEN: ("WWW-Authenticate",),
        HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After", *LIMIT_HEADERS),
    }
)


def refusals(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Document answers in the envelope, which FastAPI does not know of by itself.

    They refer to the model, which the document has by other means: where they named it, FastAPI would build a validator
    for each, which makes an app twice as slow to build.
    """
    reference = {
        "application/json": {"schema": {"$ref": f"#/components/schemas/{Envelope.__name__}"}}
    }
    return {
        status.value: {
            "description": MEANINGS[status],
            "content": reference,
            **with_headers(*REFUSED_WITH.get(status, ())),
        }
        for status in statuses
    }


def with_headers(*names: str) -> dict[str, Any]:
    """Document that an answer has these headers."""
    return {"headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names}}


def api_key_scheme() -> HTTPBearer:
    """Say that a route asks for the key of a phone; the kind of route is what asks (see `guarded_route`)."""
    return HTTPBearer(
        scheme_name="ApiKey",
        description="a phone's key: `BMTC_API_KEY`, or one that was added",
        auto_error=False,
    )


def admin_token_scheme() -> HTTPBearer:
    """Say that a route asks for the token of an administrator; the kind of route is what asks."""
    return HTTPBearer(
        scheme_name="AdminToken",
        bearerFormat="JWT",
        description="an administrator's token, with the scope that the route names:"
        " `python -m backend admin-token --scope ...` signs one",
        auto_error=False,
    )


def name_operation(route: APIRoute) -> str:
    """Name an operation like the function that answers it, wherever its path may move."""
    return route.name


class Routes(APIRouter):
    """Routes that have something in common; their operations are named after the functions that answer them."""

    def __init__(self, **common: Any) -> None:  # noqa: ANN401 - what APIRouter takes
        super().__init__(generate_unique_id_function=name_operation, **common)


class DocumentedApp(FastAPI):
    """An app whose document tells the headers of all answers, too."""

    def openapi(self) -> dict[str, Any]:
        """Return the document, made when it is first asked for."""
        if self.openapi_schema is None:
            _complete(super().openapi())
        return super().openapi()


def _complete(document: dict[str, Any]) -> None:
    """Add what all operations have in common, and what FastAPI cannot know."""
    document["info"]["description"] = ABOUT
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    components = document["components"]
    components["schemas"][PUBLIC_SETTINGS] = _public_settings()
    components["schemas"].update(_envelope())
    components["schemas"] = dict(sorted(components["schemas"].items()))
    components["headers"] = {
        name: {"description": meaning, "required": required, "schema": {"type": kind}}
        for name, (kind, meaning, required) in HEADERS.items()
    }
    components["parameters"] = {
        REQUEST_ID: {
            "name": REQUEST_ID,
            "in": "header",
            "required": False,
            "description": "an id for the request: 1 to 64 letters, digits, `.`, `_` or `-`; else it gets a new one",
            "schema": {"type": "string"},
        }
    }
    for operations in document["paths"].values():
        for operation in operations.values():
            asked = operation.setdefault("parameters", [])
            asked.append({"$ref": f"#/components/parameters/{REQUEST_ID}"})
            answers = operation["responses"]
            for answer in answers.values():
                answer.setdefault("headers", {}).update(with_headers(REQUEST_ID)["headers"])
            operation["responses"] = dict(sorted(answers.items()))


def _envelope() -> dict[str, Any]:
    """Describe the shape of all refusals, and what it is made of."""
    _, document = models_json_schema(
        [(Envelope, "serialization")], ref_template="#/components/schemas/{model}"
    )
    shapes: dict[str, Any] = document["$defs"]
    return shapes


def _public_settings() -> dict[str, Any]:
    """Describe what `Settings.public` returns."""
    schema = Settings.model_json_schema(mode="serialization")
    shown = {name: how for name, how in schema["properties"].items() if name not in PRIVATE}
    return {
        "title": PUBLIC_SETTINGS,
        "description": "The settings of the service, without secrets and places.",
        "type": "object",
        "properties": shown,
        "required": list(shown),
        "additionalProperties": False,
    }
