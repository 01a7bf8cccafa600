import pytest

from backend.core.clock import SystemClock
from backend.core.rides import Segment
from backend.core.store import save_feed
from tests.factories import make_feed, make_segment, make_stops
from tests.integration.phone import ask, eta, send, travel


@pytest.fixture
def now():
    return SystemClock().now()


def test_a_new_service_knows_nothing(client):
    assert ask(client, make_segment()).status_code == 404


def test_one_ride_is_enough_for_an_estimate(client, now):
    segment = make_segment()

    send(client, travel(segment, 420, at=now))

    assert eta(client, segment, at=now)["p50_seconds"] == 420


def test_one_ride_hardly_moves_the_timetable(client, now):
    stops = make_stops(2)
    with client.app.state.services.database.writing() as transaction:
        save_feed(transaction, make_feed(stops, seconds=240))

    send(client, travel(Segment(*stops), 450, at=now))

    assert eta(client, Segment(*stops), at=now)["mean_seconds"] == 250
