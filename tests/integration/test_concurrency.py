"""Many phones at the same moment, over real HTTP: nothing is lost or doubled."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import httpx2
import pytest
from fastapi import FastAPI

from tests.factories import make_ride, make_ride_segment, make_segment, ride_body, unique_id
from tests.integration.live import connect, serving
from tests.integration.phone import ask, eta, headers, receipt, send, travel
from tests.integration.together import at_once

if TYPE_CHECKING:
    from backend.core.storage import Database


@pytest.fixture
def client(app: FastAPI) -> Iterator[httpx2.Client]:
    """Give a client of the app served for real."""
    with serving(app) as url, connect(url) as client:
        yield client


def test_eight_clients_with_one_key_are_applied_once(client: httpx2.Client) -> None:
    """One of eight simultaneous submissions is learned; the others get its very answer."""
    segment, key = make_segment(), unique_id("key")
    ride = travel(segment, 300)

    answers = at_once(8, lambda _: send(client, ride, key=key))

    assert {(answer.status_code, answer.content) for answer in answers} == {
        (200, b'{"accepted":1,"rejected":[]}')
    }
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 7
    assert eta(client, segment)["observations"] == 1


def test_eight_bodies_with_one_key_leave_one_winner(client: httpx2.Client) -> None:
    """Of eight different rides under one key at the same moment one counts, and seven conflict."""
    segment, key = make_segment(), unique_id("key")

    answers = at_once(8, lambda number: send(client, travel(segment, 300 + number), key=key))

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert eta(client, segment)["observations"] == 1


def test_forty_rides_at_once_are_all_counted(client: httpx2.Client) -> None:
    """Forty phones at the same moment leave forty observations, and the mean of all of them."""
    segment = make_segment()

    answers = at_once(40, lambda number: send(client, travel(segment, 280 + number)))

    assert [receipt(answer)["accepted"] for answer in answers] == [1] * 40
    assert eta(client, segment)["observations"] == 40
    assert eta(client, segment)["mean_seconds"] == pytest.approx(299.5)


def test_rides_that_meet_in_opposite_directions_do_not_block_each_other(
    client: httpx2.Client,
) -> None:
    """Rides that touch the same segments in opposite order all get through."""
    there, back = make_segment(), make_segment()
    ways = ([there, back], [back, there])

    answers = at_once(
        16,
        lambda number: send(
            client, make_ride([make_ride_segment(part) for part in ways[number % 2]])
        ),
    )

    assert [receipt(answer)["accepted"] for answer in answers] == [2] * 16
    assert [eta(client, segment)["observations"] for segment in (there, back)] == [16, 16]


async def test_questions_are_answered_while_somebody_keeps_all_writers_waiting(
    app: FastAPI,
) -> None:
    """More rides wait than there are threads: each question has one, and a connection, all the same."""
    segment = make_segment()
    async with app.router.lifespan_context(app):
        database: Database = app.state.services.database
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:

            async def send_one() -> int:
                body = ride_body(travel(segment, 300))
                return (
                    await client.post("/v1/ride_summary", json=body, headers=headers())
                ).status_code

            assert await send_one() == 200
            with database.writing() as tx:  # as `rebuild` does
                tx.claim_everything()
                rides = [asyncio.create_task(send_one()) for _ in range(45)]
                for _ in range(500):
                    await asyncio.sleep(0)  # until all of them wait
                query = urlencode({"from": segment.from_stop, "to": segment.to_stop})
                async with asyncio.timeout(20):  # for a fault alone
                    for path in (f"/v1/eta?{query}", "/v1/health", "/v1/ready"):
                        assert (await client.get(path)).status_code == 200
                assert not any(ride.done() for ride in rides)
            assert await asyncio.gather(*rides) == [200] * 45


def test_questions_are_answered_while_rides_are_learned(client: httpx2.Client) -> None:
    """Readers and writers at the same moment: every ride is taken and every question answered."""
    segment = make_segment()
    send(client, travel(segment, 300))

    answers = at_once(
        20,
        lambda number: send(client, travel(segment, 300)) if number % 2 else ask(client, segment),
    )

    assert {answer.status_code for answer in answers} == {200}
    assert eta(client, segment)["observations"] == 11
