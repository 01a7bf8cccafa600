"""What holds on every kind of database: snapshots, what is kept, versions of the tables, several services at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import func, inspect, select, text

from backend.core.bins import DayKind, TimeBin
from backend.core.errors import DatabaseError
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.storage import Database, open_database
from backend.core.storage.database import BASE
from backend.core.storage.migrating import change_version, versions
from backend.core.storage.schema import VERSION
from backend.core.store.cells import load_cells
from backend.core.store.segments import find_segments
from tests.factories import START, make_ride, make_ride_segment, make_segment
from tests.rides import submit_ride

AT_NINE = TimeBin(DayKind.WEEKDAY, 36)


def observations_of(database: Database, segment: Segment) -> float:
    with database.reading() as tx:
        (number,) = find_segments(tx, [segment]).values()
        return load_cells(tx, [number])[number, AT_NINE].weight


def test_a_reader_sees_one_state_while_others_write(database: Database, settings: Settings) -> None:
    with database.reading() as reader:
        rides = select(func.count()).select_from(reader.schema.rides)
        before = reader.execute(rides).scalar_one()
        with database.writing() as writer:
            submit_ride(writer, make_ride([make_ride_segment()]), settings, START)
        assert reader.execute(rides).scalar_one() == before == 0


def test_what_is_written_survives_closing(
    database: Database, database_address: str, settings: Settings
) -> None:
    part = make_ride_segment()
    with database.writing() as tx:
        submit_ride(tx, make_ride([part]), settings, START)
    database.close()
    again = open_database(database_address)
    try:
        again.migrate()
        assert observations_of(again, part.segment) == 1
    finally:
        again.close()


def test_forty_rides_at_once_are_forty_observations(
    database: Database, database_address: str, settings: Settings
) -> None:
    """Through two databases on one file, as two processes would have them."""
    segment = make_segment()
    other = open_database(database_address)

    def submit(target: Database, number: int) -> None:
        seconds = 300 + number % 3
        ride = make_ride([make_ride_segment(segment, seconds=seconds)])
        with target.writing() as tx:
            submit_ride(tx, ride, settings, START + timedelta(minutes=1))

    threads = [
        threading.Thread(target=submit, args=((database, other)[number % 2], number))
        for number in range(40)
    ]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert observations_of(database, segment) == pytest.approx(40)
    finally:
        other.close()


def test_services_may_begin_with_one_empty_database_at_once(empty_address: str) -> None:
    """Of eight services that find no tables one makes them, and the others find them made."""
    together = threading.Barrier(8)

    def begin(_: int) -> str:
        with closing(open_database(empty_address)) as database:
            together.wait(timeout=30)
            database.migrate()
            return database.version()

    with ThreadPoolExecutor(8) as services:
        assert set(services.map(begin, range(8))) == {VERSION}


def test_a_database_of_another_program_is_left_alone(empty_address: str) -> None:
    with closing(open_database(empty_address)) as database:
        with database.writing() as tx:
            tx.execute(text("CREATE TABLE recipes (name TEXT)"))
        with pytest.raises(DatabaseError, match="tables of another program"):
            database.migrate()
        with database.reading() as tx:
            assert inspect(tx.connection).get_table_names() == ["recipes"]


def test_every_version_leads_to_the_same_tables_up_and_down(
    database: Database, empty_address: str
) -> None:
    """Who updates the service step by step has the tables of who begins with it, and can go back."""
    with closing(open_database(empty_address)) as other:
        other.migrate(BASE)
        for version in versions():
            other.migrate(version)
        assert described(other) == described(database)
        other.migrate(BASE)
        assert described(other).keys() == {"alembic_version"}


def described(database: Database) -> dict[str, object]:
    """Describe the tables by what tells them apart, in the words of the database."""
    with database.reading() as tx:
        inspector = inspect(tx.connection)
        return {
            name: (
                sorted(
                    (column["name"], str(column["type"]), column["nullable"])
                    for column in inspector.get_columns(name)
                ),
                inspector.get_pk_constraint(name)["constrained_columns"],
                sorted(map(repr, inspector.get_foreign_keys(name))),
                sorted(map(repr, inspector.get_indexes(name))),
                sorted(map(repr, inspector.get_unique_constraints(name))),
            )
            for name in inspector.get_table_names()
        }


def test_a_step_that_fails_leaves_the_version_it_began_with(empty_address: str) -> None:
    """Tables are changed in a transaction, as all else is."""

    def change_and_break_off(database: Database) -> None:
        with database.writing() as tx:
            change_version(tx.connection, BASE, VERSION)
            raise RuntimeError("half way")

    with closing(open_database(empty_address)) as database:
        with pytest.raises(RuntimeError, match="half way"):
            change_and_break_off(database)
        assert database.version() == BASE
