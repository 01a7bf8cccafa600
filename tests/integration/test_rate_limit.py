"""How often a device may send: what it is told, and that many threads at once change nothing about it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from fastapi.testclient import TestClient

from backend.core.limiting import Allowance
from backend.core.settings import Settings
from backend.core.storage import Database, open_database
from tests.factories import (
    START,
    FakeClock,
    make_device,
    make_segment,
    unique_id,
)
from tests.integration.phone import ask, send, travel
from tests.rides import spend

THREE = {"rate_limit_rides": 3, "rate_limit_seconds": 60}
pytestmark = pytest.mark.parametrize("settings_overrides", [THREE])


def statuses(client: TestClient, device: str, count: int) -> list[int]:
    return [
        send(client, travel(make_segment(), 300, device_id=device)).status_code
        for _ in range(count)
    ]


def test_a_device_that_has_sent_all_it_may_is_told_when_to_come_back(client: TestClient) -> None:
    """429 in the envelope, with the seconds to wait in words and in the headers."""
    device = make_device()
    assert statuses(client, device, 3) == [200] * 3

    answer = send(client, travel(make_segment(), 300, device_id=device))

    assert answer.status_code == 429
    assert answer.json() == {
        "error": "too_many_rides",
        "message": "This device has sent all the rides it may for now; send this one in 20 s.",
        "details": [],
    }
    assert answer.headers["retry-after"] == "20"


def test_who_waits_as_long_as_told_is_let_in_and_a_second_sooner_not(
    client: TestClient, clock: FakeClock
) -> None:
    """The time told is true, and rounded up."""
    device = make_device()
    statuses(client, device, 3)

    clock.advance(timedelta(seconds=19))
    assert statuses(client, device, 1) == [429]
    clock.advance(timedelta(seconds=1))
    assert statuses(client, device, 2) == [200, 429]


def test_every_ride_that_is_let_in_says_what_is_left(client: TestClient) -> None:
    """The limit, the rides that may follow, and after how many seconds one more may."""
    device = make_device()

    answers = [send(client, travel(make_segment(), 300, device_id=device)) for _ in range(3)]

    told = [
        tuple(answer.headers[f"ratelimit-{name}"] for name in ("limit", "remaining", "reset"))
        for answer in answers
    ]
    assert told == [("3", "2", "20"), ("3", "1", "20"), ("3", "0", "20")]


def test_a_replay_costs_nothing(client: TestClient) -> None:
    """A phone in a tunnel may repeat itself as often as it likes, even with nothing left."""
    ride, key = travel(make_segment(), 300), unique_id("key")

    answers = [send(client, ride, key=key) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 6
    assert statuses(client, ride.device_id, 3) == [200, 200, 429]
    assert send(client, ride, key=key).status_code == 200


def test_a_refused_ride_and_a_conflict_cost_nothing(client: TestClient) -> None:
    """What leaves nothing behind takes nothing away either."""
    device, key = make_device(), unique_id("key")
    assert send(client, travel(make_segment(), 7201, device_id=device)).status_code == 422
    send(client, travel(make_segment(), 300, device_id=device), key=key)
    assert send(client, travel(make_segment(), 300, device_id=device), key=key).status_code == 409

    assert statuses(client, device, 3) == [200, 200, 429]


def test_a_ride_that_is_not_let_in_leaves_nothing_behind(client: TestClient) -> None:
    """It is not learned, and its key can be used when the time has come."""
    device, segment = make_device(), make_segment()
    statuses(client, device, 3)

    assert send(client, travel(segment, 300, device_id=device)).status_code == 429

    assert ask(client, segment).status_code == 404


def test_strangers_are_not_counted(client: TestClient) -> None:
    """Without the key nobody can use up a device's allowance."""
    ride = travel(make_segment(), 300)
    for _ in range(4):
        assert send(client, ride, api_key="a-wrong-key-for-tests").status_code == 401

    assert statuses(client, ride.device_id, 1) == [200]


def test_one_device_does_not_use_up_another_ones_allowance(client: TestClient) -> None:
    """The limit is per device."""
    statuses(client, make_device(), 4)

    assert statuses(client, make_device(), 3) == [200] * 3


def test_threads_at_the_same_moment_get_no_more_than_the_allowance(
    database: Database, settings: Settings
) -> None:
    """Two services on one file, four threads each: of 24 tries at once just the capacity gets in."""
    allowance, other = Allowance(5, timedelta(hours=1)), open_database(settings.database)
    barrier = Barrier(8)

    def try_three_times(number: int) -> int:
        mine = (database, other)[number % 2]
        barrier.wait(timeout=30)
        admitted = 0
        for _ in range(3):
            with mine.writing() as transaction:
                admitted += spend(transaction, "device", allowance, START).admitted
        return admitted

    try:
        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(try_three_times, range(8))) == 5
    finally:
        other.close()
