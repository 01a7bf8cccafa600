"""`kill -9` in the middle: nothing that was acknowledged is lost, nothing counts twice, no timetable is half there."""

import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Lock

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from backend.api.app import create_app
from backend.core.clock import SystemClock
from backend.core.rides import Ride
from backend.core.settings import Settings
from backend.core.storage import Database
from backend.core.store import save_feed
from backend.core.store.feeds import current_id
from backend.core.store.segments import number_segments
from backend.tools.cli import main
from backend.tools.feed import read_feed
from tests.factories import (
    TEST_API_KEY,
    make_feed,
    make_ride,
    make_ride_segment,
    make_segment,
    make_stops,
    unique_id,
)
from tests.integration.live import connect
from tests.integration.phone import send
from tests.integration.replay import assert_learned_as_replayed, rides_of
from tests.integration.server import announced_url, running

PHONES = 4
RIDES = 12  # of each phone, more than it gets to send
ACKNOWLEDGED = 15  # by when the service is killed


@pytest.fixture
def variables(database_variables: dict[str, str]) -> dict[str, str]:
    return {"BMTC_API_KEY": TEST_API_KEY} | database_variables


class Phones:
    """Phones that send ride after ride until the service is gone, and note what was acknowledged."""

    def __init__(self, rides: Mapping[str, Ride], kill: Callable[[], None]) -> None:
        self._keys = tuple(rides)
        self._rides = rides
        self._kill = kill
        self._lock = Lock()
        self.acknowledged: dict[str, bytes] = {}

    def travel(self, client: httpx2.Client) -> None:
        """Let all of them send, and kill the service at its n-th answer, while the others wait for theirs."""
        with ThreadPoolExecutor(PHONES) as pool:
            for done in [pool.submit(self._send_all, client, phone) for phone in range(PHONES)]:
                done.result()

    def _send_all(self, client: httpx2.Client, phone: int) -> None:
        for key in self._keys[phone::PHONES]:
            with suppress(httpx2.TransportError):
                self._note(key, send(client, self._rides[key], key=key))

    def _note(self, key: str, response: httpx2.Response) -> None:
        assert response.status_code == 200, response.text
        with self._lock:
            self.acknowledged[key] = response.content
            if len(self.acknowledged) == ACKNOWLEDGED:
                self._kill()


@pytest.mark.slow
def test_what_was_acknowledged_is_there_once_after_the_service_was_killed(
    database: Database, settings: Settings, variables: dict[str, str]
) -> None:
    """Phones that send everything again, under their keys, get the answers of before; the rest is learned now."""
    clock, segments = SystemClock(), [make_segment() for _ in range(6)]
    at = clock.now() - timedelta(hours=1)
    rides = {
        unique_id("key"): make_ride(
            [
                make_ride_segment(segment, seconds=200.0 + 11 * (number % 7), started_at=at)
                for segment in segments[:: (-1) ** number]
            ]
        )
        for number in range(PHONES * RIDES)
    }
    devices = {key: ride.device_id for key, ride in rides.items()}
    with running(variables, "serve", "--port", "0", to_be_killed=True) as service:
        phones = Phones(rides, service.kill)
        with connect(announced_url(service)) as client:
            phones.travel(client)
        service.wait()
    acknowledged = phones.acknowledged
    assert ACKNOWLEDGED <= len(acknowledged) < len(rides)

    with TestClient(create_app(settings, clock=clock)) as restarted:
        stored = rides_of(database, [devices[key] for key in acknowledged])
        assert stored == [1] * len(acknowledged)
        assert_learned_as_replayed(database, settings)

        again = {key: send(restarted, ride, key=key) for key, ride in rides.items()}

    assert {key: again[key].content for key in acknowledged} == acknowledged
    assert all("idempotency-replayed" in again[key].headers for key in acknowledged)
    assert rides_of(database, list(devices.values())) == [1] * len(rides)
    assert_learned_as_replayed(database, settings)


LOAD = """
import sys
from pathlib import Path

from backend.core.settings import read_settings
from backend.core.storage import open_database
from backend.core.store import save_feed
from backend.core.store.segments import number_segments
from backend.tools.cli import main
from backend.tools.feed import read_feed

settings = read_settings(dict(pair.split("=", 1) for pair in sys.argv[2:]))
feed = read_feed(Path(sys.argv[1]), settings.holidays)
with open_database(settings.database).writing() as transaction:
    save_feed(transaction, feed)
    print("all is written, nothing is committed", flush=True)
    sys.stdin.read()
"""
"""What `load-feed` does, but that it stops before the commit."""


def timetable_of(database: Database) -> tuple[int, int, int, set[float]]:
    """Count patterns, their stops and timetable entries of the current feed, and give the seconds of these."""
    with database.reading() as tx:
        schema = tx.schema
        current = current_id(schema)
        patterns = select(schema.patterns.c.id).where(schema.patterns.c.feed == current)
        stops = select(schema.pattern_stops.c.stop).where(
            schema.pattern_stops.c.pattern.in_(patterns)
        )
        means = select(schema.timetable.c.mean_seconds).where(schema.timetable.c.feed == current)
        found = [tx.execute(query).scalars().all() for query in (patterns, stops, means)]
        return len(found[0]), len(found[1]), len(found[2]), set(found[2])


@pytest.fixture
def city(variables: dict[str, str], tmp_path: Path) -> Path:
    """Give the feed of a little city."""
    path = tmp_path / "city.zip"
    assert main(["simulate", "--write-feed", str(path)], variables, SystemClock()) == 0
    return path


@pytest.fixture
def old(database: Database) -> tuple[int, int, int, set[float]]:
    """Give a database a timetable of before, and what it counts."""
    with database.writing() as tx:
        save_feed(tx, make_feed(make_stops(5), seconds=77))
    return timetable_of(database)


@pytest.mark.slow
def test_a_feed_that_was_not_committed_leaves_the_old_timetable(
    database: Database,
    variables: dict[str, str],
    old: tuple[int, int, int, set[float]],
    city: Path,
) -> None:
    """Killed between the last row and the commit, it has changed nothing, and keeps nobody out."""
    given = [f"{name}={text}" for name, text in variables.items()]
    with Popen([sys.executable, "-c", LOAD, str(city), *given], stdin=PIPE, stdout=PIPE) as loading:
        assert loading.stdout is not None
        assert loading.stdout.readline().startswith(b"all is written")
        loading.kill()

    assert timetable_of(database) == old
    with database.writing() as tx:
        save_feed(tx, make_feed(make_stops(3), seconds=99))
    assert timetable_of(database)[3] == {99}


@pytest.mark.slow
def test_a_feed_that_is_told_to_be_loaded_is_there(
    database: Database,
    variables: dict[str, str],
    old: tuple[int, int, int, set[float]],
    city: Path,
) -> None:
    """Killed as soon as it has said so, `load-feed` has kept its word: all of the new timetable, nothing of the old."""
    with running(variables, "load-feed", str(city), to_be_killed=True) as loading:
        assert loading.stdout is not None
        told = loading.stdout.readline()
        loading.kill()

    patterns, _, entries, means = timetable_of(database)
    assert f" {patterns} patterns, 42 segments, {entries} timetable entries, " in told
    assert not means & old[3]


@pytest.mark.slow
@pytest.mark.postgres
def test_load_feed_killed_while_it_writes_leaves_the_old_timetable(
    database: Database,
    variables: dict[str, str],
    settings: Settings,
    old: tuple[int, int, int, set[float]],
    city: Path,
) -> None:
    """It is stopped by a segment that somebody else is about to number, with most of the feed written already."""
    entries = read_feed(city, settings.holidays).entries
    last = max(
        (entry.segment for entry in entries), key=lambda each: (each.from_stop, each.to_stop)
    )
    with database.writing() as tx:
        number_segments(tx, [last])
        with running(variables, "load-feed", str(city), to_be_killed=True) as loading:
            while not somebody_waits(database):
                assert loading.poll() is None
            loading.kill()

    assert timetable_of(database) == old
    with database.writing() as tx:
        save_feed(tx, make_feed(make_stops(3), seconds=99))
    assert timetable_of(database)[3] == {99}


def somebody_waits(database: Database) -> bool:
    """Whether a statement on this test's PostgreSQL database waits for the end of another transaction."""
    waiting = (
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock')"
    )
    with database.reading() as tx:
        return bool(tx.execute(text(waiting)).scalar_one())
