"""The OpenAPI document as a source of requests: what the tests of the contract share."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

if TYPE_CHECKING:
    from schemathesis import Case

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked of the service, by the document."""

    name: str
    method: str
    path: str
    scheme: str | None
    scopes: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


def operations() -> list[Operation]:
    """Return all that the document names."""
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return [
        _operation(method, path, ways[method])
        for path, ways in document["paths"].items()
        for method in METHODS
        if method in ways
    ]


def _operation(method: str, path: str, how: dict[str, Any]) -> Operation:
    scheme, scopes = next(iter(how["security"][0].items())) if "security" in how else (None, ())
    return Operation(how["operationId"], method, path, scheme, tuple(scopes))


def send_case(client: httpx2.Client, case: "Case[Any]", credential: str) -> httpx2.Response:
    """Send a generated request to the service in process, with a good key or token in the place of a made up one.

    Not by Schemathesis' own client, which starts each app a second time and never stops it.
    """
    from requests import Request  # noqa: PLC0415 - by what few tests need no other one is slowed down

    asked = case.as_transport_kwargs(base_url="http://testserver")
    prepared = Request(**{name: asked[name] for name in asked if name in REQUEST_PARTS}).prepare()
    assert prepared.method is not None
    assert prepared.url is not None
    body = prepared.body
    assert body is None or isinstance(body, str | bytes)
    headers = {name: _text(text) for name, text in prepared.headers.items()}
    headers["Authorization"] = f"Bearer {credential}"
    return client.request(prepared.method, prepared.url, headers=headers, content=body)


def _text(header: str | bytes) -> str:
    return header.decode("latin-1") if isinstance(header, bytes) else header


REQUEST_PARTS = frozenset(
    {"method", "url", "headers", "params", "cookies", "json", "data", "files"}
)
