"""The service keeps to its OpenAPI document: requests made up from it by Schemathesis, in process.

Each operation is asked with what the document allows, with what it does not, and with what there is in the
database, so that answers of every kind are compared with the document.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import hypothesis
import hypothesis.strategies as st
import pytest
from fastapi.testclient import TestClient

from backend.core.scopes import Scope
from backend.core.storage import Database
from backend.core.store import add_key
from backend.tools.import_feed import import_feed
from tests.factories import START, TEST_API_KEY, make_ride, make_ride_segment, ride_body
from tests.feeds import feed_tables, write_tables
from tests.integration.contract import DOCUMENT, Operation, operations, send_case

if TYPE_CHECKING:
    from schemathesis import Case
    from schemathesis.schemas import APIOperation
    from schemathesis.specs.openapi.schemas import OpenApiSchema

Known: TypeAlias = dict[str, Any]

SECURED = [operation for operation in operations() if operation.scheme]
OPEN = [operation for operation in operations() if not operation.scheme]
OCTETS = "application/octet-stream"
EXAMPLES = 15
MOST_EXAMPLES = 200
"""At night: each is a request, and some of them import a feed."""


@pytest.fixture(scope="module")
def schema() -> "OpenApiSchema":
    """Give the document, read by Schemathesis."""
    import schemathesis  # noqa: PLC0415 - it takes a second, and few tests need it

    # Schemathesis writes no zips but octets, and the service goes by neither name.
    document = DOCUMENT.read_text(encoding="utf-8").replace("application/zip", OCTETS)
    return schemathesis.openapi.from_dict(json.loads(document))


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    """Give a feed of one route over the stops A, B and C."""
    return write_tables(tmp_path / "feed.zip", feed_tables("A", "B", "C"))


@pytest.fixture
def known(database: Database, feed: Path) -> dict[str, Known]:
    """Fill the database, and give requests that find something in it, by operation."""
    import_feed(database, feed, frozenset(), START)
    with database.writing() as transaction:
        add_key(transaction, "android", START)
    return {
        "post_ride_summary": {"body": ride_body(make_ride([make_ride_segment()]))},
        "get_eta": {"query": {"from": "A", "to": "C"}},
        "post_key": {"body": {"name": "ios"}},
        "delete_key": {"path_parameters": {"name": "android"}},
        "get_rejections": {"query": {"from": START.date().isoformat()}},
        "post_feed": {"body": feed.read_bytes(), "media_type": OCTETS},
        "get_stops": {"query": {"route": "R", "limit": 2}},
        "search_routes": {"query": {"q": "ring"}},
        "get_schedule": {"path_parameters": {"stop_id": "A"}},
    }


@pytest.fixture
def credentials(admin_token: Callable[..., str]) -> dict[str | None, str]:
    """Give what each of the document's security schemes takes, good for everything."""
    every_scope = [scope.value for scope in Scope]
    return {None: "", "ApiKey": TEST_API_KEY, "AdminToken": admin_token(*every_scope)}


@pytest.mark.slow
@pytest.mark.parametrize("operation", operations(), ids=str)
def test_whatever_is_asked_the_answer_is_one_that_the_document_tells_of(
    operation: Operation,
    schema: "OpenApiSchema",
    client: TestClient,
    known: dict[str, Known],
    credentials: dict[str | None, str],
) -> None:
    """Never a 5xx; status, content type, body and headers as documented; and a success among them."""
    statuses = set()

    @hypothesis.settings(max_examples=_examples())
    @hypothesis.given(_cases(schema.find_operation_by_id(operation.name), known))
    def ask(case: "Case[Any]") -> None:
        answer = send_case(client, case, credentials[operation.scheme])
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=[*_checks()])

    ask()

    assert any(200 <= status < 300 for status in statuses)
    assert not statuses & {401, 403}


@pytest.mark.parametrize("operation", SECURED, ids=str)
def test_who_has_no_right_to_ask_is_told_so_before_anything_else(
    operation: Operation, client: TestClient, admin_token: Callable[..., str]
) -> None:
    """401 for every wrong key or token, one for the other kind of route too; 403 for the wrong scope."""
    every_scope = [scope.value for scope in Scope]
    if operation.scheme == "ApiKey":
        strangers, lacking = [admin_token(*every_scope)], []
    else:
        others = sorted({*every_scope} - {*operation.scopes})
        strangers, lacking = [TEST_API_KEY], [admin_token(*others)]
    wrong = [None, "Bearer", "Bearer wrong", f"Basic {TEST_API_KEY}"]

    refused = _statuses(client, operation, [*wrong, *(f"Bearer {each}" for each in strangers)])
    forbidden = _statuses(client, operation, [f"Bearer {each}" for each in lacking])

    assert refused == {(401, "unauthorized")}
    assert forbidden == ({(403, "forbidden")} if lacking else set())


@pytest.mark.parametrize("operation", OPEN, ids=str)
def test_where_the_document_asks_for_nothing_a_wrong_key_does_not_matter(
    operation: Operation, client: TestClient
) -> None:
    without, wrong = (
        client.request(operation.method, operation.path, headers=headers)
        for headers in ({}, {"Authorization": "Bearer wrong"})
    )

    assert without.status_code == wrong.status_code
    assert without.status_code not in {401, 403}


def _examples() -> int:
    """Return how many requests one test makes: few, and not all too many at night."""
    usual = hypothesis.settings().max_examples
    return EXAMPLES if usual < 100 else MOST_EXAMPLES


def _cases(
    operation: "APIOperation[Any, Any, Any, Any]", known: dict[str, Known]
) -> "st.SearchStrategy[Case[Any]]":
    """Return requests as the document allows, as it does not, and about what there is."""
    from schemathesis import GenerationMode  # noqa: PLC0415 - as above

    name = operation.definition.raw["operationId"]
    kinds = [operation.as_strategy(), operation.as_strategy(GenerationMode.NEGATIVE)]
    if name in known:
        kinds.append(operation.as_strategy(**known[name]))
    return st.one_of(kinds)


def _checks() -> Iterable[Callable[..., bool | None]]:
    from schemathesis import checks  # noqa: PLC0415 - as above
    from schemathesis.specs.openapi import checks as openapi  # noqa: PLC0415 - as above

    yield checks.not_a_server_error
    yield openapi.status_code_conformance
    yield openapi.content_type_conformance
    yield openapi.response_headers_conformance
    yield openapi.response_schema_conformance


def _statuses(
    client: TestClient, operation: Operation, credentials: Iterable[str | None]
) -> set[tuple[int, str]]:
    """Ask with each of these as `Authorization`, and with a body that nobody would look at."""
    found = set()
    for shown in credentials:
        headers = {} if shown is None else {"Authorization": shown}
        answer = client.request(operation.method, operation.path, headers=headers, content=b"{")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        found.add((answer.status_code, answer.json()["error"]))
    return found
