"""What goes wrong with a PostgreSQL server, each in one sentence without a password, and what mends itself."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import insert, select, text

from backend.core.clock import SystemClock
from backend.core.errors import DatabaseError
from backend.core.limiting import Bucket
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.storage import Database, open_database
from backend.core.store import (
    forget_full_buckets,
    recall_answers,
    remember_answers,
    retention_step,
    save_buckets,
)
from backend.core.store.segments import number_segments
from backend.tools.cli import main
from tests.factories import START, TEST_API_KEY, make_answer, make_ride, make_segment
from tests.integration.phone import ask, receipt, send, travel
from tests.integration.replay import assert_learned_as_replayed, learned
from tests.rides import submit_ride

if TYPE_CHECKING:  # loaded with --database postgres only
    from tests.postgres_plugin import Databases

SECRET = "hunter2-hunter2"


def refusal(address: str) -> str:
    """Return the sentence with which a database is not opened."""
    with pytest.raises(DatabaseError) as refused:
        open_database(address)
    sentence = str(refused.value)
    assert sentence.endswith(
        "; check that its server runs, and set BMTC_DATABASE_URL to a database that exists, with a user"
        " who may use it."
    )
    assert "\n" not in sentence
    assert SECRET not in sentence
    return sentence


@pytest.fixture
def other(database_address: str) -> Callable[..., str]:
    """Give a function that changes parts of the address of this test's database."""

    def change(*, user: str | None = None, password: str | None = None, name: str = "") -> str:
        parts = urlsplit(database_address)
        place = (
            f"{user or parts.username}:{password or parts.password}@{parts.hostname}:{parts.port}"
        )
        return f"postgresql://{place}/{name or parts.path.removeprefix('/')}"

    return change


@pytest.fixture
def lose_connections(postgres_databases: "Databases", database_address: str) -> Callable[[], None]:
    """Give a function by which the server ends every connection to this test's database."""
    return lambda: postgres_databases.disconnect(database_address)


def test_a_server_that_does_not_run() -> None:
    with socket.socket() as nobody:  # bound, so that nobody else takes the port; not listening
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        assert refusal(f"postgresql://bus:{SECRET}@127.0.0.1:{port}/times").startswith(
            f"The database postgresql://bus:***@127.0.0.1:{port}/times cannot be opened: connection failed: "
        )


def test_an_option_of_the_address_that_is_none() -> None:
    sentence = refusal(f"postgresql://bus:{SECRET}@127.0.0.1/times?colour=blue&password={SECRET}")
    assert 'invalid connection option "colour"' in sentence


@pytest.mark.postgres
def test_a_wrong_password(other: Callable[..., str]) -> None:
    assert "password authentication failed" in refusal(other(password=SECRET))


@pytest.mark.postgres
def test_a_database_that_does_not_exist(other: Callable[..., str]) -> None:
    assert 'database "nowhere" does not exist' in refusal(other(name="nowhere"))


@pytest.mark.postgres
def test_serving_without_a_server_ends_with_the_sentence(
    other: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    variables = {"BMTC_API_KEY": TEST_API_KEY, "BMTC_DATABASE_URL": other(password=SECRET)}

    assert main(["serve", "--port", "0"], variables, SystemClock()) == 2

    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "cannot be opened" in err
    assert SECRET not in err


@pytest.mark.postgres
def test_a_user_who_may_not_make_tables(
    postgres_databases: "Databases",
    empty_address: str,
    other: Callable[..., str],
    unique_resource_name: Callable[[], str],
) -> None:
    """From PostgreSQL 15 on, a user needs a database of its own, or leave to create in its schema."""
    user = unique_resource_name()
    postgres_databases.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{SECRET}'")
    name = urlsplit(empty_address).path.removeprefix("/")
    try:
        with (
            closing(open_database(other(user=user, password=SECRET, name=name))) as database,
            pytest.raises(DatabaseError, match="permission denied for schema public") as refused,
        ):
            database.migrate()
        assert SECRET not in str(refused.value)
    finally:
        postgres_databases.execute(f"DROP ROLE {user}")


@pytest.mark.postgres
def test_a_connection_that_is_lost_in_a_transaction(
    database: Database, lose_connections: Callable[[], None]
) -> None:
    """What was under way is told in a sentence and undone; the next transaction has a new connection."""

    def write_and_lose() -> None:
        with database.writing() as tx:
            tx.execute(insert(tx.schema.segments), {"from_stop": "a", "to_stop": "b"})
            lose_connections()
            tx.execute(insert(tx.schema.segments), {"from_stop": "b", "to_stop": "c"})

    with pytest.raises(DatabaseError, match="terminating connection due to administrator command"):
        write_and_lose()

    with database.reading() as tx:
        assert tx.execute(select(tx.schema.segments)).all() == []
    assert database.busy_connections == 0


@pytest.mark.postgres
def test_a_connection_that_is_lost_before_the_commit(
    database: Database, lose_connections: Callable[[], None]
) -> None:
    """A commit that nobody has confirmed is no success."""

    def write_and_lose() -> None:
        with database.writing() as tx:
            tx.execute(insert(tx.schema.segments), {"from_stop": "a", "to_stop": "b"})
            lose_connections()

    with pytest.raises(DatabaseError, match="failed: "):
        write_and_lose()


@pytest.mark.postgres
def test_a_service_survives_a_server_that_has_come_back(
    client: TestClient, lose_connections: Callable[[], None]
) -> None:
    """Connections of before are replaced without anybody noticing."""
    segment = make_segment()
    receipt(send(client, travel(segment, 300)))

    lose_connections()

    assert ask(client, segment).status_code == 200
    receipt(send(client, travel(segment, 300)))


@pytest.fixture
def gone(postgres_databases: "Databases", database_address: str) -> Callable[[], None]:
    """Give a function after which the server takes no connection to this test's database."""
    name = urlsplit(database_address).path.removeprefix("/")

    def go() -> None:
        postgres_databases.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        postgres_databases.disconnect(database_address)

    return go


@pytest.mark.postgres
def test_a_database_that_goes_away_is_503_to_phones_and_a_sentence_to_the_operator(
    app: FastAPI,
    client: TestClient,
    gone: Callable[[], None],
    database_address: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gone()

    for response in (
        client.get("/v1/health"),
        ask(client, make_segment()),
        send(client, travel(make_segment(), 300)),
    ):
        assert (response.status_code, response.json()["error"]) == (503, "database_unavailable")
    assert len(caplog.messages) == 3
    for sentence in caplog.messages:
        assert sentence.startswith(f"The database {app.state.services.database.place} failed: ")
        assert "is not currently accepting connections; check that the server runs" in sentence
    assert str(urlsplit(database_address).password) not in caplog.text


@pytest.mark.postgres
def test_whoever_waits_too_long_for_a_claim_is_told(database: Database) -> None:
    def claim_impatiently() -> None:
        with database.writing() as second:
            second.execute(text("SET LOCAL lock_timeout = '1ms'"))
            second.claim("segment a")

    with database.writing() as first:
        first.claim("segment a")
        with pytest.raises(DatabaseError, match="due to lock timeout"):
            claim_impatiently()


@pytest.mark.postgres
def test_claims_end_with_their_transaction(database: Database) -> None:
    for _ in range(2):
        with database.writing() as tx:
            tx.claim(*(f"segment {number}" for number in range(50)))
            held = tx.execute(
                text(
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
                )
            )
            assert held.scalar_one() == 50 + 1  # and its share in everything


@pytest.mark.postgres
def test_rides_over_different_segments_do_not_wait_for_each_other(
    database: Database, settings: Settings
) -> None:
    """With one writer at a time the second would wait for the first, which here waits for it."""
    with database.writing() as first:
        submit_ride(first, make_ride(), settings, START)
        with database.writing() as second:
            submit_ride(second, make_ride(), settings, START)

    with database.reading() as tx:
        assert len(tx.execute(select(tx.schema.rides)).all()) == 2


@pytest.mark.postgres
def test_retention_waits_for_no_ride(database: Database, settings: Settings) -> None:
    """Who waited for it might be waited for: rows that a transaction has in hand are left to the next time."""
    allowance, later = settings.allowance, START + settings.idempotency_ttl
    spent = Bucket(0, allowance.price, START)
    with database.writing() as tx:
        save_buckets(tx, {"taken": spent, "free": spent})
        remember_answers(tx, dict.fromkeys(("taken", "free"), make_answer()), START)
    with database.writing() as ride:
        save_buckets(ride, {"taken": spent})
        recall_answers(ride, ["taken"], later, settings.idempotency_ttl)
        with database.writing() as retention:
            assert forget_full_buckets(retention, allowance, later) == 1
            assert retention_step(retention, settings, later, most=9).answers == 1


def wait_for_waiting(database: Database) -> None:
    """Return when a transaction waits for another one, on this test's database."""
    waiting = text(
        "SELECT EXISTS (SELECT FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock')"
    )
    seen = False
    while not seen:
        with database.reading() as tx:
            seen = tx.execute(waiting).scalar_one()


@pytest.mark.postgres
def test_rides_over_the_same_segment_are_learned_one_after_the_other(
    database: Database, settings: Settings
) -> None:
    """The second waits before it reads what the first is about to change."""
    segment = make_segment()

    def submit() -> None:
        with database.writing() as tx:
            submit_ride(tx, travel(segment, 300), settings, START)

    submit()
    with ThreadPoolExecutor(1) as pool:
        with database.writing() as first:
            submit_ride(first, travel(segment, 300), settings, START)
            second = pool.submit(submit)
            wait_for_waiting(database)
        second.result()

    assert [cell.weight for cell in learned(database).values()] == [3]
    assert_learned_as_replayed(database, settings)


@pytest.mark.postgres
def test_segments_are_numbered_in_one_order(database: Database) -> None:
    """Whoever waits for a segment holds none that comes after it, so that nobody waits in a circle."""
    early, late = Segment("a", "b"), Segment("b", "c")

    def number(*segments: Segment) -> dict[Segment, int]:
        with database.writing() as tx:
            return number_segments(tx, segments)

    with ThreadPoolExecutor(1) as pool:
        with database.writing() as first:
            given = number_segments(first, [early])
            second = pool.submit(number, late, early)
            wait_for_waiting(database)
            given |= number_segments(first, [late])
        assert second.result() == given
