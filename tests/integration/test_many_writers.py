"""Many writers on one database: no update is lost, nothing counts twice, and nobody waits for ever."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import httpx2
import pytest
from fastapi import Response
from sqlalchemy import func, select

from backend.api.live import live_hub
from backend.api.models import RideSummary, Submission
from backend.api.rides import submit_all
from backend.api.services import Services
from backend.core.clock import SystemClock
from backend.core.rides import Ride, Segment
from backend.core.settings import Settings
from backend.core.storage import Database, open_database
from backend.core.store import (
    recall_answers,
    remember_answers,
    retention_step,
    save_feed,
)
from backend.core.store.segments import find_segments, number_segments
from tests.factories import (
    START,
    TEST_API_KEY,
    FakeClock,
    make_answer,
    make_device,
    make_feed,
    make_ride,
    make_ride_segment,
    make_segment,
    make_stops,
    ride_body,
    unique_id,
)
from tests.integration.live import connect
from tests.integration.phone import receipt, send
from tests.integration.replay import assert_learned_as_replayed, learned, rides_of
from tests.integration.server import announced_url, running
from tests.integration.together import at_once
from tests.rides import submit_ride

PHONES = 8
RIDES = 4  # of each phone
ANSWER = make_answer("abc")


@pytest.fixture
def two(database: Database, database_address: str) -> Iterator[tuple[Database, Database]]:
    """Give two ways to one database, as two processes have them."""
    with closing(open_database(database_address)) as other:
        yield database, other


def crossing(
    pool: list[Segment], number: int, *, at: datetime = START - timedelta(minutes=30)
) -> Ride:
    """Make a ride over three segments of a pool and one of its own, in an order that differs from ride to ride.

    None of them is so far from the others that it could be an outlier.
    """
    shared = [pool[(number * step + 1) % len(pool)] for step in (5, 3, 1)]
    return make_ride(
        [
            make_ride_segment(segment, seconds=200 + 2 * (number % 13), started_at=at)
            for segment in (*shared[:: (-1) ** number], make_segment())
        ]
    )


def services_over(database: Database, settings: Settings, clock: FakeClock) -> Services:
    """Make a service of a database."""
    live = live_hub(settings, clock, database)
    return Services(settings, clock, database, started_at=START, live=live)


def summary_of(ride: Ride) -> RideSummary:
    """Return a ride as a phone sends it."""
    body = httpx2.Request("POST", "http://x", json=ride_body(ride)).read()
    return RideSummary.model_validate_json(body)


@pytest.mark.slow
def test_two_services_learn_as_one_would(
    database: Database, database_variables: dict[str, str], settings: Settings
) -> None:
    """Real processes, each with several requests under way: what is learned is what a replay learns."""
    variables = {"BMTC_API_KEY": TEST_API_KEY} | database_variables
    pool, at = [make_segment() for _ in range(5)], SystemClock().now() - timedelta(hours=1)
    rides = [crossing(pool, number, at=at) for number in range(PHONES * RIDES)]
    with ExitStack() as stack:
        services = [
            stack.enter_context(running(variables, "serve", "--port", "0")) for _ in range(2)
        ]
        clients = [stack.enter_context(connect(announced_url(service))) for service in services]

        def travel_and_tell(phone: int) -> list[httpx2.Response]:
            return [send(clients[phone % 2], ride) for ride in rides[phone::PHONES]]

        answers = at_once(PHONES, travel_and_tell)

    assert [receipt(answer)["accepted"] for each in answers for answer in each] == [4] * len(rides)
    assert rides_of(database, [ride.device_id for ride in rides]) == [1] * len(rides)
    assert_learned_as_replayed(database, settings)
    # All buses ran at the same moment, so that no observation has lost weight.
    assert sum(cell.weight for cell in learned(database).values()) == 4 * len(rides)


def test_writers_of_the_same_and_of_different_segments_lose_nothing(
    two: tuple[Database, Database], settings: Settings
) -> None:
    """Outliers and rides that come late make the order matter, and the order is that of the rides' numbers."""
    same, own = [make_segment(), make_segment()], [make_segment() for _ in range(PHONES)]
    with two[0].writing() as tx:  # or else the first to number them would keep the others waiting
        number_segments(tx, (*same, *own))

    def submit(phone: int) -> None:
        for number in range(RIDES):
            late = timedelta(days=phone % 3, minutes=number + 1)  # one time bin, other ages
            parts = [
                make_ride_segment(
                    segment, seconds=200 + 2.0 ** ((phone + number) % 9), started_at=START - late
                )
                for segment in (own[phone], *same[:: (-1) ** phone])
            ]
            with two[phone % 2].writing() as tx:
                submit_ride(tx, make_ride(parts), settings, START)

    at_once(PHONES, submit)

    assert_learned_as_replayed(two[0], settings)
    with two[0].reading() as tx:
        counted = tx.execute(select(func.count()).select_from(tx.schema.observations)).scalar_one()
    assert counted == 3 * PHONES * RIDES


async def test_groups_of_rides_of_two_services_lose_nothing(
    two: tuple[Database, Database], settings: Settings, clock: FakeClock
) -> None:
    """Their segments, devices and keys cross each other; every ride is sent to both."""
    services = [services_over(each, settings, clock) for each in two]
    pool, devices = [make_segment() for _ in range(5)], [make_device() for _ in range(PHONES)]
    rides = [
        Submission(
            unique_id("key"),
            summary_of(replace(crossing(pool, number), device_id=devices[number % PHONES])),
        )
        for number in range(PHONES * RIDES)
    ]

    def submit(phone: int) -> list[bytes]:
        """Send a quarter of the rides, so that each is sent twice, by different services, in another order."""
        mine = rides[phone // 2 :: PHONES // 2][:: (-1) ** phone]
        answers = submit_all(services[phone % 2], mine)
        return [bytes(each.body) for each in answers if isinstance(each, Response)]

    answers = at_once(PHONES, submit)

    assert answers == [[b'{"accepted":4,"rejected":[]}'] * (len(rides) * 2 // PHONES)] * PHONES
    assert rides_of(two[0], devices) == [RIDES] * PHONES
    assert_learned_as_replayed(two[0], settings)


async def test_one_key_sent_by_many_to_two_services_is_served_once(
    two: tuple[Database, Database], settings: Settings, clock: FakeClock
) -> None:
    services = [services_over(each, settings, clock) for each in two]
    ride, key = crossing([make_segment()], 1), unique_id("key")
    summary = summary_of(ride)

    def submit(number: int) -> Response:
        (answer,) = submit_all(services[number % 2], [Submission(key, summary)])
        assert isinstance(answer, Response)
        return answer

    answers = at_once(PHONES, submit)

    assert {bytes(answer.body) for answer in answers} == {b'{"accepted":4,"rejected":[]}'}
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == PHONES - 1
    assert rides_of(two[0], [ride.device_id]) == [1]
    assert_learned_as_replayed(two[0], settings)


def test_rides_and_feeds_over_the_same_new_segments_get_through(
    two: tuple[Database, Database], settings: Settings
) -> None:
    """Feeds claim only segments that have no number yet, and what no ride claims: nobody waits in a circle."""
    for _ in range(3):
        stops = make_stops(12)
        segments = [Segment(*ends) for ends in pairwise(stops)]
        feeds = [make_feed(way, seconds=seconds) for way, seconds in ((stops, 100), (stops, 200))]

        def act(number: int) -> None:
            with two[number % 2].writing() as tx:
                if number < len(feeds):  # noqa: B023
                    save_feed(tx, feeds[number])  # noqa: B023
                else:
                    submit_ride(tx, crossing(segments, number), settings, START)  # noqa: B023

        at_once(PHONES, act)

        with two[0].reading() as tx:
            timetable = tx.schema.timetable
            means = select(timetable.c.mean_seconds).distinct()
            assert tx.execute(means).scalars().all() in ([100], [200])
            assert len(find_segments(tx, segments)) == len(segments)
    assert_learned_as_replayed(two[0], settings)


def test_numbering_the_same_new_segments_at_once_gives_one_number_to_each(
    two: tuple[Database, Database],
) -> None:
    segments = [make_segment() for _ in range(50)]

    def number_them(phone: int) -> dict[Segment, int]:
        with two[phone % 2].writing() as tx:
            return number_segments(tx, segments[:: (-1) ** phone])

    first, *others = at_once(PHONES, number_them)

    assert others == [first] * (PHONES - 1)
    assert len(set(first.values())) == len(segments)


def test_answers_are_forgotten_while_their_keys_are_used_again(
    two: tuple[Database, Database], settings: Settings
) -> None:
    """Whoever comes first deletes an answer that is over, retention or a submission; both get through."""
    ttl, keys = settings.idempotency_ttl, [unique_id("key") for _ in range(40)]
    now = START + ttl
    with two[0].writing() as tx:
        remember_answers(tx, dict.fromkeys(keys, ANSWER), START)

    def act(phone: int) -> None:
        for key in keys[phone::PHONES]:
            with two[phone % 2].writing() as tx:
                if phone < PHONES // 2:
                    retention_step(tx, settings, now, most=len(keys) // PHONES)
                elif not recall_answers(tx, [key], now, ttl):
                    remember_answers(tx, {key: ANSWER}, now)

    at_once(PHONES, act)

    with two[0].reading() as tx:
        left = tx.execute(select(tx.schema.answers.c.key)).scalars().all()
    assert set(left) == {key for phone in range(PHONES // 2, PHONES) for key in keys[phone::PHONES]}
