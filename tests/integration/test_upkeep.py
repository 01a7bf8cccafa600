"""The chores of a running service, the commands that do them by hand, and what can be read of them."""

import asyncio
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, func, select

from backend.api.app import create_app
from backend.core.chores import make_chores
from backend.core.settings import Settings
from backend.core.storage import Database
from backend.core.storage.schema import VERSION
from backend.core.store import save_feed
from backend.core.store.cells import load_cells
from backend.tools.cli import main
from tests.factories import (
    START,
    TEST_API_KEY,
    FakeClock,
    make_feed,
    make_ride,
    make_ride_segment,
    make_segment,
)
from tests.integration.phone import receipt, send, travel
from tests.rides import submit_ride


@pytest.fixture
def variables(database_path: str) -> dict[str, str]:
    """Give the variables of a service on this test's database."""
    return {"BMTC_API_KEY": TEST_API_KEY, "BMTC_DB_PATH": database_path}


def rides_in(database: Database) -> int:
    with database.reading() as tx:
        return int(tx.execute(select(func.count()).select_from(tx.schema.rides)).scalar_one())


def ride_twice(database: Database, settings: Settings) -> None:
    with database.writing() as tx:
        for _ in range(2):
            submit_ride(tx, make_ride([make_ride_segment()]), settings, START)


def test_the_service_scores_by_itself_and_ends_in_good_order(
    settings: Settings, clock: FakeClock, database: Database
) -> None:
    """The real tasks, with a wait that a test holds in its hands."""
    segment = make_segment()
    with database.writing() as tx:
        save_feed(tx, make_feed([segment.from_stop, segment.to_stop], seconds=240))
    waits = threading.Semaphore(0)
    gate: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def wait(_: float) -> None:
        event = asyncio.Event()
        gate.append((asyncio.get_running_loop(), event))
        waits.release()
        await event.wait()

    with TestClient(create_app(settings, clock=clock, wait=wait)) as client:
        assert client.get("/v1/accuracy").json() == {"scores": []}
        receipt(send(client, travel(segment, 300)))
        clock.advance(timedelta(seconds=settings.accuracy_interval_sec))
        for _ in range(3):
            assert waits.acquire(timeout=30)
        for loop, event in tuple(gate):
            loop.call_soon_threadsafe(event.set)
        for _ in range(3):  # all tasks wait again: what was due is done
            assert waits.acquire(timeout=30)
        (score,) = client.get("/v1/accuracy").json()["scores"]
    assert score == {
        "day": "2026-03-04",
        "predicted_from": "timetable",
        "count": 1,
        "mean_error_seconds": 60,
        "mean_absolute_error_seconds": 60,
        "root_mean_square_error_seconds": 60,
        "share_within_p90": 1,
    }


def test_the_chore_of_retention_takes_what_is_too_old(
    settings: Settings, clock: FakeClock, database: Database
) -> None:
    ride_twice(database, settings)
    (chore,) = (c for c in make_chores(settings, clock, database) if c.name == "retention")
    assert chore.step() is False
    assert rides_in(database) == 2
    clock.advance(timedelta(days=90))
    assert chore.step() is False
    assert rides_in(database) == 0


@pytest.mark.parametrize("days", ["0", "367", "many"])
def test_days_that_cannot_be_asked_for_are_refused(client: TestClient, days: str) -> None:
    answer = client.get("/v1/accuracy", params={"days": days})
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")


def test_retention_by_hand_takes_all_that_is_too_old(
    variables: dict[str, str],
    settings: Settings,
    database: Database,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ride_twice(database, settings)
    clock = FakeClock(START + timedelta(days=90))
    assert main(["retention"], variables, clock) == 0
    assert capsys.readouterr().out == (
        "Took away 2 rides older than 90 days, and 0 answers whose time was over;"
        " what was learned stays.\n"
    )
    assert rides_in(database) == 0


def test_a_rebuild_by_hand_brings_back_what_was_learned(
    variables: dict[str, str],
    settings: Settings,
    database: Database,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ride_twice(database, settings)
    with database.writing() as tx:
        before = load_cells(tx, None)
        tx.execute(delete(tx.schema.cells))
    assert main(["rebuild"], variables, FakeClock()) == 0
    assert capsys.readouterr().out == (
        "Learned 2 rides (2 observations) again, on top of 0 cells of rides that are no longer kept:"
        " 2 cells, 2 of them changed or new, 0 removed that no ride explains.\n"
    )
    with database.reading() as tx:
        assert load_cells(tx, None) == before


def test_a_rebuild_without_its_checkpoint_is_refused(
    variables: dict[str, str],
    settings: Settings,
    database: Database,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The way down drops the checkpoint, and what it held of rides that are gone is learned nowhere else."""
    ride_twice(database, settings)
    for command in (["retention"], ["migrate", "0003"], ["migrate", VERSION]):
        assert main(command, variables, FakeClock(START + timedelta(days=90))) == 0
    assert main(["rebuild"], variables, FakeClock()) == 2
    assert capsys.readouterr().err == (
        "python -m backend: 2 of 2 cells come from rides that are not kept, and no checkpoint holds them;"
        " nothing was changed: `rebuild --replace` removes them.\n"
    )
    with database.reading() as tx:
        assert len(load_cells(tx, None)) == 2
    assert main(["rebuild", "--replace"], variables, FakeClock()) == 0
    assert "0 cells, 0 of them changed or new, 2 removed" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["rebuild", "retention"])
def test_what_is_nowhere_cannot_be_kept_in_order(
    variables: dict[str, str],
    command: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A database in memory is refused with a sentence, and so is a file in no folder."""
    assert main([command], variables | {"BMTC_DB_PATH": ":memory:"}, FakeClock()) == 2
    assert "name a file" in capsys.readouterr().err
    nowhere = str(tmp_path / "missing" / "db.sqlite3")
    assert main([command], variables | {"BMTC_DB_PATH": nowhere}, FakeClock()) == 2
    assert "cannot be opened" in capsys.readouterr().err
