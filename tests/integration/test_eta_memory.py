"""What a service remembers about trips never hides what another one has written."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection, event

from backend.api.app import create_app
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.storage import Database
from backend.tools.import_feed import import_feed
from tests.factories import START, FakeClock
from tests.feeds import Load, feed_tables, write_tables
from tests.integration.phone import ask, eta, receipt, send, travel

AB = Segment("A", "B")


@pytest.fixture
def other(make_settings: Callable[..., Settings], clock: FakeClock) -> Iterator[TestClient]:
    """Give a second service on the same database."""
    with TestClient(create_app(make_settings(), clock=clock)) as client:
        yield client


def test_a_ride_told_to_one_service_is_known_to_the_other(
    client: TestClient, other: TestClient, database: Database, tmp_path: Path
) -> None:
    path = write_tables(tmp_path / "feed.zip", feed_tables("A", "B", minutes=5))
    import_feed(database, path, frozenset(), START)
    assert [eta(each, AB)["provenance"] for each in (client, other)] == ["timetable"] * 2

    receipt(send(client, travel(AB, 510)))

    answers = [eta(each, AB) for each in (client, other)]
    assert answers[0] == answers[1]
    assert answers[0]["mean_seconds"] == pytest.approx((20 * 300 + 510) / 21, abs=0.001)
    assert (answers[0]["provenance"], answers[0]["age_seconds"]) == ("learned", 0)


@pytest.mark.sqlite
def test_a_question_is_answered_without_a_transaction_until_somebody_writes(
    app: FastAPI, client: TestClient, other: TestClient, load: Load
) -> None:
    """Whoever that is: SQLite tells."""
    load(feed_tables("A", "B", minutes=5))
    begun: list[Connection] = []
    event.listen(app.state.services.database.engine, "begin", begun.append)

    first, again = eta(client, AB), eta(client, AB)
    assert (again, len(begun)) == (first, 1)

    receipt(send(other, travel(AB, 510)))
    assert eta(client, AB) != first
    assert len(begun) == 2


def test_a_feed_is_known_to_every_service_at_once(
    client: TestClient, other: TestClient, database: Database, tmp_path: Path
) -> None:
    for minutes in (5, 7):
        path = write_tables(tmp_path / "feed.zip", feed_tables("A", "B", minutes=minutes))
        import_feed(database, path, frozenset(), START)
        assert [eta(each, AB)["mean_seconds"] for each in (client, other)] == [60 * minutes] * 2

    import_feed(database, write_tables(path, feed_tables("A", "C")), frozenset(), START)

    assert [ask(each, AB).status_code for each in (client, other)] == [404, 404]
