"""What the backend exists for, and how long it takes; timed in `nox -s benchmark-baseline`, tested always.

Each benchmark repeats one operation on a database that hardly changes by it, so that the first call and the last one do
the same work.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count, pairwise
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pytest_benchmark.fixture import BenchmarkFixture

from backend.core.learning import Cell, Judgement, LearningRules, Observation, learn
from backend.core.rides import Ride, RideSegment, Segment
from backend.core.settings import Settings
from backend.core.storage import Database, open_database
from backend.core.store import eta, save_feed
from backend.tools.city import ride_body
from backend.tools.feed import read_feed
from tests.benchmarks.feeds import write_big_feed
from tests.factories import START, make_device, make_feed

LEARNED = 1000
"""Observations per round of the learning benchmark: one alone is too short to time."""
SEGMENTS = 50
PHONES = 8
COMMUTE = tuple(f"stop-{number}" for number in range(8))
HOP_SECONDS = 240.0


@pytest.fixture
def database_address(tmp_path: Path) -> str:
    """Give each benchmark a database file, as the service has one."""
    return str(tmp_path / "bus-times.sqlite3")


@pytest.fixture
def settings_overrides() -> dict[str, object]:
    """Let one device send, and teach, as often as a benchmark repeats itself."""
    return {"rate_limit_rides": 100_000, "rate_limit_seconds": 1, "max_device_share": 1}


@pytest.fixture
def phones() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(PHONES) as pool:
        yield pool


def long_ride() -> Ride:
    """Make the longest ride that the service takes: one segment a minute, the last one just over."""
    return Ride(
        make_device(),
        None,
        tuple(
            RideSegment(Segment(*ends), 60.0, 0.9, START - timedelta(minutes=SEGMENTS - place))
            for place, ends in enumerate(pairwise(f"stop-{n}" for n in range(SEGMENTS + 1)))
        ),
    )


def test_a_learning_step(benchmark: BenchmarkFixture, settings: Settings) -> None:
    """A thousand observations in a row, none of which is an outlier, are all learned."""
    rules = LearningRules.from_settings(settings)
    observations = [
        Observation(300 + number % 20, START + timedelta(seconds=number), make_device(), 0.9)
        for number in range(LEARNED)
    ]

    def learn_all() -> tuple[Cell, set[Judgement]]:
        cell, judgements = Cell(), set()
        for observation in observations:
            cell, judgement = learn(cell, observation, rules)
            judgements.add(judgement)
        return cell, judgements

    cell, judgements = benchmark(learn_all)

    assert judgements == {Judgement.ACCEPTED}
    assert cell.mean == pytest.approx(309.5, abs=0.1)
    assert cell.weight == pytest.approx(LEARNED, rel=0.01)


def test_a_ride_of_50_segments_over_http(
    benchmark: BenchmarkFixture, client: TestClient, auth_headers: dict[str, str]
) -> None:
    """The longest ride is parsed, stored and learned, from request to answer, without a socket."""
    body, numbers = ride_body(long_ride()), count()

    def submit() -> dict[str, object]:
        key = {"Idempotency-Key": f"ride-{next(numbers)}"}
        answer: dict[str, object] = client.post(
            "/v1/ride_summary", json=body, headers=auth_headers | key
        ).json()
        return answer

    assert benchmark(submit) == {"accepted": SEGMENTS, "rejected": []}


def test_an_eta_query_warm(
    benchmark: BenchmarkFixture, database: Database, settings: Settings
) -> None:
    """A way over seven segments takes what the timetable says, as long as nobody rode."""
    with database.writing() as transaction:
        save_feed(transaction, make_feed(COMMUTE, seconds=HOP_SECONDS))

    assert benchmark(ask, database, settings) == pytest.approx(7 * HOP_SECONDS)


def test_an_eta_query_cold(
    benchmark: BenchmarkFixture,
    database: Database,
    database_address: str,
    settings: Settings,
) -> None:
    """The same as the first question after a start: the file is opened, and no statement is compiled yet."""
    with database.writing() as transaction:
        save_feed(transaction, make_feed(COMMUTE, seconds=HOP_SECONDS))

    def open_and_ask() -> float:
        fresh = open_database(database_address)
        try:
            return ask(fresh, settings)
        finally:
            fresh.close()

    assert benchmark(open_and_ask) == pytest.approx(7 * HOP_SECONDS)


def ask(database: Database, settings: Settings) -> float:
    """Return the seconds that the way takes."""
    with database.reading() as transaction:
        found = eta(transaction, COMMUTE[0], COMMUTE[-1], START, settings, START)
    return found.estimate.mean


def test_a_feed_of_10_000_stop_times(
    benchmark: BenchmarkFixture, database: Database, settings: Settings, tmp_path: Path
) -> None:
    """A feed is read and replaces the timetable; loading it again changes nothing."""
    path = tmp_path / "big.zip"
    written = write_big_feed(path)

    def load() -> int:
        loaded = read_feed(path, settings.holidays)
        with database.writing() as transaction:
            save_feed(transaction, loaded)
        return len(loaded.entries)

    assert written == 10_000
    # 19 segments over 20 hours, in quarter hours, of which a bus touches one more where it comes between two; on
    # workdays and days off.
    # Without calibration, which would be another call, and this one is long.
    loaded = benchmark.pedantic(load, rounds=3)  # type: ignore[no-untyped-call] # has none
    assert loaded == (19 * 80 + 15) * 2


def test_8_concurrent_submissions(
    benchmark: BenchmarkFixture,
    client: TestClient,
    auth_headers: dict[str, str],
    phones: ThreadPoolExecutor,
) -> None:
    """Eight phones send a ride of ten segments at the same moment, and each is answered."""
    ride = long_ride()
    body = ride_body(Ride(ride.device_id, None, ride.segments[:10]))
    numbers = count()

    def submit(key: str) -> int:
        answer = client.post(
            "/v1/ride_summary", json=body, headers=auth_headers | {"Idempotency-Key": key}
        )
        return int(answer.json()["accepted"])

    def submit_all() -> list[int]:
        return list(phones.map(submit, [f"ride-{next(numbers)}" for _ in range(PHONES)]))

    assert benchmark(submit_all) == [10] * PHONES
