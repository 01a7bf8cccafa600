"""Whatever is done to a database, it is undone piece by piece."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from sqlite_scene import SCHEMA, fill, undo

from shakeproof.inject.shakeproof_state.sqlite import Databases

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


STATEMENTS = (
    "INSERT INTO lines (name) VALUES ('3')",
    "INSERT INTO lines VALUES (9, '9')",
    "UPDATE lines SET name = name || 'x'",
    "DELETE FROM lines WHERE id = 1",
    "INSERT INTO rides VALUES (2, X'00ff'), (2, 'a' || char(0) || 'b'), (1, CAST(X'ff' AS TEXT))",
    "INSERT INTO rides VALUES (1, 9e999), (1, -9223372036854775808), (1, 0.1)",
    "DELETE FROM rides WHERE rowid = 2",
    "DELETE FROM rides",
    "CREATE TABLE stops (a, b, PRIMARY KEY (b, a)) WITHOUT ROWID",
    "INSERT INTO stops VALUES (1, 2), (2, 1)",
    "DROP TABLE stops",
    "CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT)",
    "INSERT INTO counted VALUES (5)",
    "DELETE FROM counted",
    "DROP TABLE counted",
    'CREATE TABLE "odd ""{0}"": table" ("rowid", "a b" DEFAULT 1, c AS (rowid + 1))',
    'INSERT INTO "odd ""{0}"": table" ("rowid") VALUES (1), (1)',
    "ALTER TABLE log ADD COLUMN more DEFAULT 1",
    "ALTER TABLE rides RENAME TO journeys",
    "DROP TABLE lines",
    "DROP TRIGGER noted",
    "CREATE INDEX faster ON rides (seconds)",
    "CREATE UNIQUE INDEX strict ON log (what)",
    "INSERT INTO log VALUES ('x')",
    "CREATE VIEW fast AS SELECT * FROM rides WHERE seconds < 70",
    "DROP VIEW fast",
    "PRAGMA user_version = 3",
    "PRAGMA journal_mode = wal",
    "PRAGMA journal_mode = delete",
)
SOME = st.lists(st.sampled_from(STATEMENTS), max_size=8)


def perform(connection: sqlite3.Connection, statements: list[str]) -> None:
    """Do what can be done; a statement that is not possible there is left out."""
    for sql in statements:
        with contextlib.suppress(sqlite3.Error), connection:
            connection.execute(sql)


def state(connection: sqlite3.Connection) -> list[object]:
    """Say all that can be asked for, in no order of definition."""
    schema = sorted(
        connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"), key=repr
    )
    found: list[object] = [each for each in schema if each[1] != "sqlite_sequence"]
    for kind, name, _, _ in schema:
        if kind == "table":
            columns = "rowid, *" if name not in ("stops", "sqlite_sequence") else "*"
            quoted = name.replace('"', '""')
            rows = connection.execute(f'SELECT {columns}, hex(CAST(1 AS TEXT)) FROM "{quoted}"')  # noqa: S608
            found.extend((name, repr(row)) for row in rows)
    return [*found, connection.execute("PRAGMA user_version").fetchone()]


def state_of(path: Path) -> list[object]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        return _decoded(connection)


def _decoded(connection: sqlite3.Connection) -> list[object]:
    connection.text_factory = lambda found: found.decode("utf-8", "surrogateescape")
    return [*state(connection), connection.execute("PRAGMA journal_mode").fetchone()]


@given(first=SOME, then=SOME)
def test_whatever_was_done_to_a_file_is_undone_piece_by_piece(
    tmp_path_factory: pytest.TempPathFactory, first: list[str], then: list[str]
) -> None:
    path = tmp_path_factory.mktemp("law") / "app.sqlite3"
    fill(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        perform(connection, first)
    was = state_of(path)
    probe = Databases(str(path.parent))

    def act() -> None:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            perform(connection, then)

    undo(probe, act)

    assert state_of(path) == was


@given(first=SOME, then=SOME)
def test_whatever_was_done_in_memory_is_undone_piece_by_piece(
    tmp_path_factory: pytest.TempPathFactory, first: list[str], then: list[str]
) -> None:
    probe = Databases(str(tmp_path_factory.getbasetemp()))
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        perform(connection, first)
        was = _decoded(connection)

        undo(probe, lambda: perform(connection, then))

        assert _decoded(connection) == was
