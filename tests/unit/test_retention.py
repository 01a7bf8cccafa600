"""What retention takes away, what it leaves, and in which order."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from backend.core.errors import UnexplainedError
from backend.core.settings import CLOCK_SKEW, Settings
from backend.core.storage import Database, Transaction
from backend.core.store import (
    accuracy_since,
    rebuild,
    remember_answers,
    retention_step,
)
from backend.core.store.cells import load_cells
from backend.core.store.learned import load_learned
from backend.core.store.retention import Taken
from tests.factories import START, make_answer, make_ride, make_ride_segment, make_segment
from tests.rides import submit_ride

MONTH = timedelta(days=30)


@pytest.fixture
def settings_overrides() -> dict[str, object]:
    return {"ride_retention_days": 30}


def rows_of(tx: Transaction, table: str) -> int:
    tables = tx.schema.metadata.tables
    return int(tx.execute(select(func.count()).select_from(tables[table])).scalar_one())


def submit(database: Database, settings: Settings, *moments: datetime) -> None:
    segment = make_segment()
    with database.writing() as tx:
        for moment in moments:
            part = make_ride_segment(segment, started_at=moment)
            submit_ride(tx, make_ride([part, part]), settings, moment)


def test_old_rides_go_and_what_they_taught_stays(database: Database, settings: Settings) -> None:
    submit(database, settings, START, START + timedelta(microseconds=1))
    with database.writing() as tx:
        before = load_cells(tx, None)
        assert retention_step(tx, settings, START + MONTH) == Taken(1, 0, more=False)
        assert (rows_of(tx, "rides"), rows_of(tx, "observations")) == (1, 2)
        assert load_cells(tx, None) == before
        assert retention_step(tx, settings, START + MONTH) == Taken(0, 0, more=False)


def test_a_step_takes_a_bounded_part_and_says_whether_there_is_more(
    database: Database, settings: Settings
) -> None:
    submit(database, settings, START, START, START)
    with database.writing() as tx:
        assert retention_step(tx, settings, START + MONTH, most=2) == Taken(2, 0, more=True)
        assert retention_step(tx, settings, START + MONTH, most=2) == Taken(1, 0, more=False)


def test_a_young_ride_keeps_the_later_ones(database: Database, settings: Settings) -> None:
    """Rides are learned in the order of their numbers: a checkpoint may leave none of them out."""
    submit(database, settings, START + timedelta(hours=1), START)
    with database.writing() as tx:
        assert retention_step(tx, settings, START + MONTH).rides == 0


def test_a_ride_received_under_a_wrong_clock_keeps_none_for_years(
    database: Database, settings: Settings
) -> None:
    """A clock that was years ahead for a moment: what came in the future is as good as old."""
    submit(database, settings, START, START + 120 * MONTH, START)
    with database.writing() as tx:
        assert retention_step(tx, settings, START + MONTH) == Taken(3, 0, more=False)
        assert rebuild(tx, settings).changed == 0


def test_a_ride_that_came_by_the_clock_of_another_service_is_not_from_the_future(
    database: Database, settings: Settings
) -> None:
    submit(database, settings, START + CLOCK_SKEW)
    with database.writing() as tx:
        assert retention_step(tx, settings, START).rides == 0
        assert retention_step(tx, settings, START - timedelta(microseconds=1)).rides == 1


def test_what_goes_is_scored_first(database: Database, settings: Settings) -> None:
    """Even when nobody has scored for a month: of the second ride something had been predicted."""
    submit(database, settings, START, START)
    with database.writing() as tx:
        retention_step(tx, settings, START + MONTH)
        assert sum(score.count for score in accuracy_since(tx, START.date()).values()) == 2


def test_answers_go_when_their_time_is_over(database: Database, settings: Settings) -> None:
    answer, end = make_answer(), START + settings.idempotency_ttl
    with database.writing() as tx:
        remember_answers(tx, {f"old {number}": answer for number in range(3)}, START)
        remember_answers(tx, {"young": answer}, START + timedelta(seconds=1))
        assert retention_step(tx, settings, end, most=2) == Taken(0, 2, more=True)
        assert retention_step(tx, settings, end, most=2) == Taken(0, 1, more=False)
        assert rows_of(tx, "answers") == 1


def test_a_rebuild_says_what_it_changed(database: Database, settings: Settings) -> None:
    """Under another half-life cells differ; one that no ride leads to any more is removed, and counted."""
    submit(database, settings, START - timedelta(days=2), START)
    unsure = make_ride([make_ride_segment(confidence=0.75)])
    stricter = {"half_life_days": 1.0, "mapmatch_min_conf": 0.8}
    with database.writing() as tx:
        submit_ride(tx, unsure, settings, START)
        done = rebuild(tx, settings.model_copy(update=stricter))
    assert (done.rides, done.observations, done.base) == (3, 5, 0)
    assert (done.cells, done.changed, done.removed) == (1, 1, 1)


def test_what_no_ride_explains_is_removed_only_when_told(
    database: Database, settings: Settings
) -> None:
    submit(database, settings, START - timedelta(days=2), START)
    submit(database, settings, START)
    with database.writing() as tx:
        place = max(load_cells(tx, None))
        seen = tx.schema.observations
        tx.execute(seen.delete().where(seen.c.segment == place[0]))
        before = load_learned(tx, None)
        with pytest.raises(
            UnexplainedError, match="1 of 2 cells come from rides that are not kept"
        ):
            rebuild(tx, settings)
        assert load_learned(tx, None) == before
        done = rebuild(tx, settings, replace=True)
    assert (done.cells, done.changed, done.removed) == (1, 0, 1)
