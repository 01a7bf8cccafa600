"""What those see who run the service: liveness, readiness, request ids, the log, and the metrics."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from itertools import count
from pathlib import Path
from uuid import UUID

import httpx2
import prometheus_client
import pytest
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from starlette.websockets import WebSocketDisconnect

from backend.api.app import create_app
from backend.api.feeds import feed_chore
from backend.api.limits import longest_body
from backend.api.request_log import was_told
from backend.api.watching import Watching
from backend.core.settings import Settings
from backend.core.storage import Database
from backend.core.storage.schema import VERSION
from backend.core.store import save_feed
from backend.tools.logs import logging_to
from tests.factories import (
    TEST_API_KEY,
    FakeClock,
    make_feed,
    make_ride,
    make_ride_segment,
    make_segment,
)
from tests.feeds import feed_tables, write_tables
from tests.integration.phone import ask, headers, send, travel

ID = "X-Request-ID"


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def named(self, request_id: str) -> list[logging.LogRecord]:
        return [each for each in self.records if getattr(each, "request_id", None) == request_id]


@pytest.fixture
def lines() -> Lines:
    """Give what this test's app has logged."""
    return Lines()


@pytest.fixture
def watching(lines: Lines) -> Watching:
    """Give a log, ids and a stopwatch that are the same in every run: it ticks 250 ms a look."""
    logger = logging.Logger("of this test", logging.INFO)  # noqa: LOG001 - shared with nobody
    logger.addHandler(lines)
    ids, looks = count(1), count()
    return Watching(logger, lambda: f"request-{next(ids)}", lambda: next(looks) * 0.25)


@pytest.fixture
def app(settings: Settings, clock: FakeClock, watching: Watching) -> FastAPI:
    """Give the assembled service, watched with the above."""
    return create_app(settings, clock=clock, watching=watching)


def fail() -> None:
    """Fail as nobody foresaw."""
    raise ArithmeticError("the inside")


@pytest.fixture
def failing(app: FastAPI) -> Iterator[TestClient]:
    """Give a client of a service one route of which fails."""
    app.add_api_route("/fail/{kind}", fail)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def sample(client: httpx2.Client, name: str, **labels: str) -> float | None:
    """Return one number of /metrics, None where it is absent."""
    response = client.get("/metrics")
    assert response.status_code == 200, response.text
    for family in text_string_to_metric_families(response.text):
        for each in family.samples:
            if each.name == name and each.labels == labels:
                return each.value
    return None


def test_a_live_service_says_so_whatever_its_database_does(
    app: FastAPI, client: TestClient
) -> None:
    """Restarting the process would not mend a database."""
    app.state.services.database.close()

    assert client.get("/v1/live").json() == {"status": "live"}


def test_a_service_lives_before_it_is_ready(app: FastAPI) -> None:
    """Without its lifespan an app is alive, and says that it is not ready."""
    client = TestClient(app)  # not entered: the lifespan does not run

    assert client.get("/v1/live").status_code == 200
    response = client.get("/v1/ready")
    assert (response.status_code, response.json()["error"]) == (503, "not_ready")


def test_a_started_service_is_ready(client: TestClient) -> None:
    assert client.get("/v1/ready").json() == {"status": "ready", "tables": VERSION}


def test_a_service_that_has_stopped_is_not_ready(app: FastAPI) -> None:
    with TestClient(app) as client:
        pass

    assert client.get("/v1/ready").status_code == 503


@pytest.mark.parametrize("settings_overrides", [{"db_path": ":memory:"}])
def test_a_service_without_its_database_is_not_ready(app: FastAPI, client: TestClient) -> None:
    app.state.services.database.close()

    response = client.get("/v1/ready")

    assert (response.status_code, response.json()["error"]) == (503, "database_unavailable")


def test_a_service_over_tables_of_another_version_is_not_ready(
    client: TestClient, database: Database
) -> None:
    """Somebody has migrated the database since the service started."""
    with database.writing() as tx:
        tx.execute(update(tx.schema.version), {"version_num": "9999"})

    response = client.get("/v1/ready")

    assert (response.status_code, response.json()["error"]) == (503, "not_ready")
    assert f"version 9999 and this service knows {VERSION}" in response.json()["message"]


def no_path(client: TestClient) -> httpx2.Response:
    return client.get("/nowhere")


def no_method(client: TestClient) -> httpx2.Response:
    return client.delete("/v1/eta")


def no_key(client: TestClient) -> httpx2.Response:
    return client.post("/v1/ride_summary")


def wrong_shape(client: TestClient) -> httpx2.Response:
    return client.get("/v1/eta")


def too_long(client: TestClient) -> httpx2.Response:
    return client.post("/v1/ride_summary", content=b" " * (longest_body(50) + 1))


def success(client: TestClient) -> httpx2.Response:
    return client.get("/v1/health")


def failure(client: TestClient) -> httpx2.Response:
    return client.get("/fail/at-once")


@pytest.mark.parametrize(
    ("request_of", "status", "route"),
    [
        (success, 200, "/v1/health"),
        (no_key, 401, "/v1/ride_summary"),
        (no_path, 404, "none"),
        (no_method, 405, "/v1/eta"),
        (too_long, 413, "none"),
        (wrong_shape, 422, "/v1/eta"),
        (failure, 500, "/fail/{kind}"),
    ],
)
def test_every_answer_has_an_id_that_is_in_the_log(
    failing: TestClient,
    lines: Lines,
    request_of: Callable[[TestClient], httpx2.Response],
    status: int,
    route: str,
) -> None:
    """One line for each request: its route, not its path, its status and how long it took."""
    response = request_of(failing)

    assert (response.status_code, response.headers[ID]) == (status, "request-1")
    line = lines.named("request-1")[-1]
    told = {name: getattr(line, name) for name in ("method", "route", "status", "duration_ms")}
    method = response.request.method
    assert told == {"method": method, "route": route, "status": status, "duration_ms": 250.0}


def test_the_id_that_a_client_sends_is_its_requests(client: TestClient, lines: Lines) -> None:
    """So that a line in the proxy's log and one in ours can be laid side by side."""
    given = "of-the.proxy_" + "7" * 51

    response = client.get("/v1/live", headers={ID: given})

    assert response.headers[ID] == given
    assert [line.getMessage() for line in lines.named(given)] == ["GET /v1/live 200"]


@pytest.mark.parametrize("given", ["", "7" * 65, "two words", "<b>", "a\tb", "kлюч"])
def test_an_id_that_is_none_is_not_taken(client: TestClient, given: str) -> None:
    """Nobody writes what he likes into the log."""
    response = client.get("/v1/live", headers=[(ID.encode(), given.encode())])

    assert response.headers[ID] == "request-1"


def test_an_app_makes_ids_that_nobody_has_had(settings: Settings, clock: FakeClock) -> None:
    with TestClient(create_app(settings, clock=clock)) as client:
        first, second = (UUID(hex=client.get("/v1/live").headers[ID]) for _ in range(2))

    assert first != second


def test_a_failure_is_told_to_the_log_and_its_id_to_the_client(
    failing: TestClient, lines: Lines
) -> None:
    """The traceback is found by what the client can quote."""
    response = failing.get("/fail/at-once")

    assert response.json()["details"] == [{"request_id": "request-1"}]
    failure, request = lines.named("request-1")
    assert failure.levelname == "ERROR"
    assert failure.exc_info is not None
    assert isinstance(failure.exc_info[1], ArithmeticError)
    assert request.exc_info is None


def test_a_server_can_see_that_a_failure_was_told(app: FastAPI, client: TestClient) -> None:
    """Whatever carries the app gets the exception as well, and need not log it again."""
    app.add_api_route("/fail/{kind}", fail)

    with pytest.raises(ArithmeticError) as caught:
        client.get("/fail/at-once")

    assert was_told(caught.value)
    assert not was_told(ArithmeticError())


def test_what_a_database_lost_is_told_with_the_id(
    app: FastAPI, client: TestClient, lines: Lines
) -> None:
    app.state.services.database.close()

    client.get("/v1/health")

    lost, _ = lines.named("request-1")
    assert (lost.levelname, "is closed" in lost.getMessage()) == ("ERROR", True)


def test_start_and_stop_are_told(app: FastAPI, lines: Lines) -> None:
    with TestClient(app):
        started = [line.getMessage() for line in lines.records]

    assert started == ["The service has started."]
    assert lines.records[-1].getMessage() == "The service stops."


def test_a_websocket_has_an_id_and_a_line(app: FastAPI, lines: Lines) -> None:
    """Accepted or not; its line is written when it is over."""

    async def greet(websocket: WebSocket) -> None:
        if websocket.query_params:
            await websocket.close()
        else:
            await websocket.accept()

    app.add_api_websocket_route("/greet", greet)
    with TestClient(app) as client:
        with client.websocket_connect("/greet") as accepted:
            extra = repr(accepted.extra_headers)
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/greet?no=1"):
            pass

    assert repr((ID.lower().encode(), b"request-1")) in extra
    assert [line.getMessage() for line in lines.named("request-1")] == ["WEBSOCKET /greet 101"]
    assert [line.getMessage() for line in lines.named("request-2")] == ["WEBSOCKET /greet 403"]


def test_requests_are_counted_by_route_and_status(client: TestClient) -> None:
    """Of every class of answers, with their durations."""
    ask(client, make_segment())
    ask(client, make_segment())
    client.get("/v1/eta")
    client.request("BREW", "/pot")

    eta, other = ({"method": m, "route": r} for m, r in (("GET", "/v1/eta"), ("other", "none")))
    assert sample(client, "bus_times_requests_total", **eta, status="4xx") == 3
    assert sample(client, "bus_times_requests_total", **other, status="4xx") == 1
    assert sample(client, "bus_times_request_seconds_count", **eta) == 3
    assert sample(client, "bus_times_request_seconds_sum", **eta) == 0.75
    assert sample(client, "bus_times_request_seconds_bucket", **eta, le="0.1") == 0
    assert sample(client, "bus_times_request_seconds_bucket", **eta, le="0.25") == 3


def test_rides_are_counted_by_what_became_of_them(client: TestClient) -> None:
    """A ride that comes again is a replay, a refused one is nothing, and what is learned is counted."""
    assert sample(client, "bus_times_segments_total", judgement="outlier") == 0
    ride = make_ride([make_ride_segment(), make_ride_segment(), make_ride_segment(confidence=0.1)])

    for _ in range(3):
        assert send(client, ride, key="once").status_code == 200
    assert send(client, make_ride([]), key="refused").status_code == 422
    assert send(client, make_ride(), key="once").status_code == 409

    assert sample(client, "bus_times_rides_total") == 1
    assert sample(client, "bus_times_replays_total") == 2
    assert sample(client, "bus_times_segments_total", judgement="learned") == 2
    assert sample(client, "bus_times_segments_total", judgement="low_confidence") == 1


def test_a_database_that_fails_is_counted(app: FastAPI, client: TestClient) -> None:
    app.state.services.database.close()
    client.get("/v1/health")

    assert sample(client, "bus_times_database_errors_total") == 1


FEED = "bus_times_feed_imported_timestamp_seconds"


def test_the_moment_of_the_timetable_is_told(
    settings: Settings, clock: FakeClock, database: Database, watching: Watching
) -> None:
    """0 without one; what another process imports is seen by the chore, and by the next start."""
    look = feed_chore(database, watching.metrics)
    app = create_app(settings, clock=clock, watching=watching)
    with TestClient(app) as client:
        assert sample(client, FEED) == 0
        with database.writing() as tx:
            save_feed(tx, make_feed(), clock.now())
        assert look.step() is False
        assert sample(client, FEED) == clock.now().timestamp()

    with TestClient(create_app(settings, clock=clock)) as client:
        assert sample(client, FEED) == clock.now().timestamp()


def test_the_moment_of_a_timetable_that_comes_over_http_is_told_at_once(
    client: TestClient, clock: FakeClock, admin_token: Callable[..., str], tmp_path: Path
) -> None:
    zipped = write_tables(tmp_path / "feed.zip", feed_tables("A", "B")).read_bytes()
    clock.advance(timedelta(hours=1))
    token = {"Authorization": f"Bearer {admin_token('feed:write')}"}

    assert client.post("/v1/admin/feed", content=zipped, headers=token).status_code == 200

    assert sample(client, FEED) == clock.now().timestamp()


def test_two_apps_count_apart(make_settings: Callable[..., Settings], clock: FakeClock) -> None:
    """Neither in the other's registry, nor in the one that the library has for the process."""
    before = prometheus_client.generate_latest()
    one, other = (create_app(make_settings(), clock=clock) for _ in range(2))

    with TestClient(one) as first, TestClient(other) as second:
        send(first, travel(make_segment(), 300))
        assert sample(first, "bus_times_rides_total") == 1
        assert sample(second, "bus_times_rides_total") == 0

    assert b"bus_times" not in before + prometheus_client.generate_latest()


def test_metrics_come_in_the_text_format(client: TestClient) -> None:
    content_type = client.get("/metrics").headers["content-type"]

    assert content_type == "text/plain; version=0.0.4; charset=utf-8"


def test_statements_in_errors_hide_what_requests_sent(database: Database) -> None:
    """A traceback quotes the statement that failed, without the values."""
    segment = {"from_stop": "private", "to_stop": "B"}
    with database.writing() as tx:
        tx.execute(insert(tx.schema.segments), segment)

    with pytest.raises(IntegrityError) as caught, database.writing() as tx:
        tx.execute(insert(tx.schema.segments), segment)

    assert "private" not in str(caught.value)


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_the_key_is_in_no_line_wherever_it_is_sent(
    settings: Settings, clock: FakeClock, log_format: str
) -> None:
    """In the path, the query, each header, the body, a method, and in an error that quotes it."""

    def quote() -> None:
        raise ArithmeticError(TEST_API_KEY)

    app = create_app(settings, clock=clock)
    app.add_api_route("/quote", quote)
    key, stream = TEST_API_KEY, StringIO()
    shown = settings.model_copy(update={"log_format": log_format, "log_level": "debug"})
    with (
        logging_to(stream, shown, clock),
        TestClient(app, raise_server_exceptions=False) as client,
    ):
        client.get(f"/v1/{key}")
        client.get(f"/v1/eta?from={key}&to={key}&at={key}&{key}={key}")
        client.get("/v1/live", headers={ID: key, "Referer": key, "User-Agent": key, key: key})
        client.request(key.upper(), "/v1/live")
        client.post("/v1/ride_summary", content=key, headers=headers(key))
        send(client, make_ride(device_id=key, route_id=key), key=key)
        client.get("/quote")

    lines = stream.getvalue()
    assert lines.count("[secret]") >= 2  # the id that was sent, and the error's words
    assert lines.count("/v1/ride_summary 200") == 1
    assert key not in lines
    assert key.upper() not in lines
