"""A timetable from before there were feeds becomes the current one, and stays one on the way back."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select, text

from backend.core.settings import MEMORY
from backend.core.storage import Database, open_database
from backend.core.storage.database import BASE
from backend.core.storage.migrating import change_version
from backend.core.storage.schema import VERSION
from backend.core.store import eta
from backend.core.store.feeds import begin_feed, current_feed, stage_patterns
from backend.core.timetable import Pattern
from tests.factories import START, make_settings

OLD_TIMETABLE = (
    "INSERT INTO segments (id, from_stop, to_stop) VALUES (5, 'A', 'B')",
    "INSERT INTO patterns (id, route_id) VALUES (0, 'R')",
    "INSERT INTO pattern_stops (pattern, position, stop) VALUES (0, 0, 'A'), (0, 1, 'B')",
    "INSERT INTO timetable (segment, bin, mean_seconds, departures) VALUES (5, 36, 240.0, 3)",
)


@pytest.fixture
def old() -> Iterator[Database]:
    """Give a database of the version before feeds had names."""
    database = open_database(MEMORY)
    with database.writing() as tx:
        change_version(tx.connection, BASE, "0002")
    yield database
    database.close()


def fill(database: Database) -> None:
    with database.writing() as tx:
        for statement in OLD_TIMETABLE:
            tx.execute(text(statement))


def test_an_old_timetable_is_the_current_feed(old: Database) -> None:
    fill(old)

    old.migrate()

    with old.reading() as tx:
        feed = current_feed(tx)
        found = eta(tx, "A", "B", START, make_settings(), START)
    assert feed is not None
    assert feed.digest == ""
    assert found.estimate.mean == pytest.approx(240)


def test_without_a_timetable_there_is_no_feed(old: Database) -> None:
    old.migrate()

    with old.reading() as tx:
        assert current_feed(tx) is None


def test_on_the_way_back_the_current_timetable_stays_alone(old: Database) -> None:
    """What was staged beside it goes."""
    fill(old)
    old.migrate()
    with old.writing() as tx:
        stage_patterns(tx, begin_feed(tx, "next", None, START), [Pattern("Q", ("X", "Y"))])

    with old.writing() as tx:
        change_version(tx.connection, VERSION, "0002")

    with old.reading() as tx:
        assert tx.execute(text("SELECT route_id FROM patterns")).scalars().all() == ["R"]
        assert tx.execute(text("SELECT stop FROM pattern_stops")).scalars().all() == ["A", "B"]
        rows = tx.execute(text("SELECT segment, bin, mean_seconds, departures FROM timetable"))
        assert [tuple(row) for row in rows] == [(5, 36, 240.0, 3)]
        assert tx.execute(select(tx.schema.segments.c.to_stop)).scalars().all() == ["B"]
