"""`docs/openapi.json` is what the service says, the same everywhere, and tells all there is to know."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from backend.core.clock import SystemClock
from backend.tools.cli import main
from backend.tools.openapi import document
from tests.factories import FakeClock, make_settings

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"
RENEW = (
    "docs/openapi.json is not what the service says: python -m backend openapi > docs/openapi.json"
)


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    """Give the committed document."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def operations(written: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, ways in written["paths"].items():
        for how in ways.values():
            yield path, how


def test_the_committed_document_is_what_the_command_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["openapi"], {}, SystemClock()) == 0

    assert capsys.readouterr().out == FILE.read_text(encoding="utf-8"), RENEW


def test_no_setting_changes_the_document() -> None:
    settings = make_settings(n0=1, timezone="Europe/Berlin", max_segments_per_ride=1)

    assert document(settings, FakeClock()) == FILE.read_text(encoding="utf-8"), RENEW


def test_the_document_is_made_once_for_each_app(app: FastAPI) -> None:
    assert app.openapi() is app.openapi()


def test_operations_have_names_of_their_own_like_those_of_functions(
    written: dict[str, Any],
) -> None:
    names = [how["operationId"] for _, how in operations(written)]

    assert len(set(names)) == len(names) == 19
    assert all(name.isidentifier() and "v1" not in name for name in names)


def test_each_operation_is_told_whole(written: dict[str, Any]) -> None:
    """One tag that is explained, what it does, and the shape of what it answers when all is well."""
    explained = {tag["name"] for tag in written["tags"]}
    used = set()
    for path, how in operations(written):
        used.update(how["tags"])
        [success] = [how["responses"][status] for status in how["responses"] if status[0] == "2"]
        body = success["content"].get("application/json")
        assert len(how["tags"]) == 1, path
        assert how["description"].endswith("."), path
        assert path == "/metrics" if body is None else "$ref" in body["schema"], path
    assert used == explained


def test_every_answer_names_its_request_and_every_refusal_has_the_envelope(
    written: dict[str, Any],
) -> None:
    for path, how in operations(written):
        for status, answer in how["responses"].items():
            assert "X-Request-ID" in answer["headers"], path
            schema = answer["content"].get("application/json", {}).get("schema")
            if status >= "4":
                assert schema == {"$ref": "#/components/schemas/Envelope"}, path
                assert answer["description"].endswith("."), path


def test_headers_stand_where_they_are_sent(written: dict[str, Any]) -> None:
    ride = written["paths"]["/v1/ride_summary"]["post"]
    limits = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
    shown = {status: set(answer["headers"]) for status, answer in ride["responses"].items()}

    assert shown["200"] == {"X-Request-ID", "Idempotency-Replayed"} | limits
    assert shown["429"] == {"X-Request-ID", "Retry-After"} | limits
    assert shown["401"] == {"X-Request-ID", "WWW-Authenticate"}
    assert [each["name"] for each in ride["parameters"] if each.get("required")] == [
        "Idempotency-Key"
    ]


def test_who_may_ask_is_told_with_the_scope(written: dict[str, Any]) -> None:
    asked = {how["operationId"]: how.get("security") for _, how in operations(written)}

    assert {name: who for name, who in asked.items() if who} == {
        "post_ride_summary": [{"ApiKey": []}],
        "get_keys": [{"AdminToken": ["keys:manage"]}],
        "post_key": [{"AdminToken": ["keys:manage"]}],
        "delete_key": [{"AdminToken": ["keys:manage"]}],
        "get_rejections": [{"AdminToken": ["stats:read"]}],
        "post_feed": [{"AdminToken": ["feed:write"]}],
        "post_retention": [{"AdminToken": ["retention:run"]}],
    }
    schemes = written["components"]["securitySchemes"]
    assert {name: how["scheme"] for name, how in schemes.items()} == {
        "ApiKey": "bearer",
        "AdminToken": "bearer",
    }


def test_the_shape_of_the_settings_has_no_secret(written: dict[str, Any]) -> None:
    shape = written["components"]["schemas"]["PublicSettings"]

    assert set(shape["properties"]) == set(make_settings().public()) == set(shape["required"])
