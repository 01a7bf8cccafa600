"""Statements that every request asks: how many there are, and that none of them reads a table from end to end."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Executable, event, select

from backend.core.limiting import Allowance
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.storage import Database, Transaction
from backend.core.storage.schema import Schema, build_schema
from backend.core.storage.statements import Statements
from backend.core.store import (
    EtaCache,
    StoredAnswer,
    eta,
    load_buckets,
    recall_answers,
    remember_answers,
    save_buckets,
    save_feed,
    submit_rides,
)
from tests.factories import START, make_feed, make_ride, make_ride_segment, make_stops, unique_id

Asked = list[tuple[str, Any]]

ALLOWANCE = Allowance(10, timedelta(hours=1))
SMALL = {"feeds"}
"""Tables of a few rows, which may be read as a whole."""


@contextmanager
def listening(database: Database) -> Iterator[Asked]:
    """Give a list into which every statement goes, with its parameters; but not the begin of a transaction."""
    asked: Asked = []

    def note(_connection: object, _cursor: object, text: str, given: object, *_: object) -> None:
        if not text.startswith("BEGIN"):
            asked.append((text, given))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def reads_all(detail: str) -> bool:
    """Whether a step of a plan reads a whole table, or all of it that belongs to a feed."""
    return detail.startswith("SCAN") or detail.endswith("(feed=?)")


def take_rides(tx: Transaction, *ways: tuple[str, ...], settings: Settings) -> None:
    """Do with rides what requests that come at the same time do with them."""
    keys, devices = [unique_id("key") for _ in ways], [unique_id("device") for _ in ways]
    assert recall_answers(tx, keys, START, timedelta(days=1)) == {}
    save_buckets(tx, load_buckets(tx, devices, ALLOWANCE, START))
    rides = [
        make_ride([make_ride_segment(Segment(*ends)) for ends in pairwise(way)], device_id=device)
        for way, device in zip(ways, devices, strict=True)
    ]
    submit_rides(tx, rides, settings, START)
    remember_answers(tx, dict.fromkeys(keys, StoredAnswer("", 200, b"")), START)


def test_a_statement_is_built_once() -> None:
    built = []

    def build(schema: Schema) -> Executable:
        built.append(schema)
        return select(schema.feeds)

    statements = Statements(build_schema())

    assert statements.built(build) is statements.built(build)
    assert built == [statements.schema]


@pytest.mark.sqlite
def test_no_statement_of_a_question_or_a_ride_reads_a_table_from_end_to_end(
    database: Database, settings: Settings
) -> None:
    """SQLite says of each how it would go about it (https://sqlite.org/eqp.html)."""
    way = make_stops(12)
    with listening(database) as asked:
        with database.writing() as tx:
            save_feed(tx, make_feed(way, bins=[]), START)
        asked.clear()
        with database.writing() as tx:
            take_rides(tx, way, settings=settings)
        with database.reading() as tx:
            for memory in (None, EtaCache()):
                eta(tx, way[0], way[-1], START, settings, START, memory)
        questions = list(asked)

    scanned = set()
    with database.reading() as tx:
        for text, given in questions:
            first = given[0] if isinstance(given, list) else given
            plan = tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", first)
            scanned |= {detail.split()[1] for *_, detail in plan if reads_all(detail)}

    assert scanned & set(database.schema.metadata.tables) <= SMALL


def test_a_question_that_was_asked_before_is_one_statement(
    database: Database, settings: Settings
) -> None:
    way, memory = make_stops(8), EtaCache()
    with database.writing() as tx:
        save_feed(tx, make_feed(way), START)
    with listening(database) as asked, database.reading() as tx:
        first = eta(tx, way[0], way[-1], START, settings, START, memory)
        asked.clear()

        assert eta(tx, way[0], way[-1], START, settings, START, memory) == first
        assert len(asked) == 1


def test_a_long_ride_takes_no_more_statements_than_a_short_one(
    database: Database, settings: Settings
) -> None:
    numbers = []
    for stops in (3, 20):
        way = make_stops(stops)
        with database.writing() as tx:
            save_feed(tx, make_feed(way), START)
            take_rides(tx, way, settings=settings)
            with listening(database) as asked:
                take_rides(tx, way, settings=settings)
        numbers.append(len(asked))

    assert numbers == [14, 14]


def test_each_ride_more_in_a_transaction_takes_one_statement_more(
    database: Database, settings: Settings
) -> None:
    """Its number is asked for, since the others hang on it."""
    numbers = []
    for rides in (1, 8):
        stops = make_stops(20)
        ways = [stops[first : first + 5] for first in range(rides)]
        with database.writing() as tx:
            save_feed(tx, make_feed(stops), START)
            take_rides(tx, *ways, settings=settings)
            with listening(database) as asked:
                take_rides(tx, *ways, settings=settings)
        numbers.append(len(asked))

    assert numbers[1] - numbers[0] == 7
