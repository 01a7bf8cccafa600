"""The versions of the tables: each way up and down, and where it ends."""

import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest
from sqlalchemy import Inspector, insert, inspect, select, text

from backend.core.settings import MEMORY, Settings
from backend.core.storage import Database, open_database
from backend.core.storage.database import BASE, FIRST
from backend.core.storage.migrating import change_version, versions
from backend.core.storage.schema import VERSION
from tests.factories import START, make_ride
from tests.rides import submit_ride


@pytest.fixture
def empty() -> Iterator[Database]:
    """Give a database without tables."""
    database = open_database(MEMORY)
    yield database
    database.close()


def described(database: Database) -> dict[str, object]:
    """Describe the tables by all that tells them apart; in which order columns were added does not."""
    with database.reading() as tx:
        inspector = inspect(tx.connection)
        return {
            name: described_table(inspector, name) for name in sorted(inspector.get_table_names())
        }


def described_table(inspector: Inspector, name: str) -> dict[str, object]:
    columns = {
        column["name"]: (str(column["type"]), column["nullable"], column["default"])
        for column in inspector.get_columns(name)
    }
    return {
        "columns": columns,
        "key": inspector.get_pk_constraint(name)["constrained_columns"],
        "refers": sorted(map(repr, inspector.get_foreign_keys(name))),
        "indexes": sorted(map(repr, inspector.get_indexes(name))),
        "unique": sorted(map(repr, inspector.get_unique_constraints(name))),
    }


def move(database: Database, old: str, new: str) -> None:
    with database.writing() as tx:
        change_version(tx.connection, old, new)


def test_what_a_new_database_begins_with_is_the_last_version() -> None:
    assert versions()[-1] == VERSION
    assert versions()[0] == FIRST


def test_step_by_step_leads_to_what_a_new_database_begins_with(
    database: Database, empty: Database
) -> None:
    """Whoever updates the service has the same tables as who begins with it."""
    for old, new in pairwise((BASE, *versions())):
        move(empty, old, new)

    assert described(empty) == described(database)
    assert empty.version() == VERSION


def test_each_step_back_leads_to_where_the_step_began(empty: Database) -> None:
    way = (BASE, *versions())
    seen = {}
    for old, new in pairwise(way):
        seen[old] = described(empty) if old != BASE else {}
        move(empty, old, new)
    for new, old in reversed(tuple(pairwise(way))):
        move(empty, old, new)
        assert empty.version() == new
        found = described(empty)
        assert found == seen[new] if new != BASE else set(found) == {"alembic_version"}


def test_a_database_that_was_left_can_be_begun_again(database: Database) -> None:
    database.migrate(BASE)
    database.migrate()

    assert database.version() == VERSION


def test_a_database_from_before_versions_had_names_keeps_what_it_holds(empty: Database) -> None:
    with empty.writing() as tx:
        change_version(tx.connection, BASE, FIRST)
        tx.execute(insert(tx.schema.segments), {"from_stop": "a", "to_stop": "b"})
        tx.execute(text("DROP TABLE alembic_version"))
        tx.execute(text("PRAGMA user_version = 1"))

    empty.migrate()

    assert empty.version() == VERSION
    with empty.reading() as tx:
        assert tx.execute(select(tx.schema.segments.c.to_stop)).scalars().all() == ["b"]


def test_a_step_that_fails_leaves_the_version_it_began_with(empty: Database) -> None:
    """Tables are changed in a transaction, as all else is."""

    def change_and_break_off() -> None:
        with empty.writing() as tx:
            change_version(tx.connection, BASE, FIRST)
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        change_and_break_off()
    assert empty.version() == BASE


def test_two_databases_are_migrated_at_the_same_time() -> None:
    """Nothing of it is a global: Alembic's own way of doing it is one."""
    databases = [open_database(MEMORY) for _ in range(4)]
    threads = [threading.Thread(target=move, args=(each, BASE, FIRST)) for each in databases]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [each.version() for each in databases] == [FIRST] * 4
    finally:
        for each in databases:
            each.close()


def test_a_version_that_is_none_is_an_error(database: Database) -> None:
    with database.writing() as tx, pytest.raises(ValueError, match="not in tuple"):
        change_version(tx.connection, VERSION, "9999")


def test_rides_keep_their_observations_on_the_way_back_and_forth(
    database: Database, settings: Settings
) -> None:
    """A table that is dropped takes along what refers to it; columns are dropped alone."""
    with database.writing() as tx:
        submit_ride(tx, make_ride(), settings, START)
    database.migrate(FIRST)
    database.migrate()
    with database.reading() as tx:
        seen = tx.schema.observations
        assert len(tx.execute(select(seen)).all()) == 3
        assert tx.execute(select(tx.schema.rides.c.scored)).scalars().all() == [None]
