"""A database with a few tables, and what is told of what becomes of it."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shakeproof.inject.shakeproof_state.protocol import Change
    from shakeproof.inject.shakeproof_state.sqlite import Databases

SCHEMA = """
    CREATE TABLE lines (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE);
    CREATE TABLE rides (line REFERENCES lines ON DELETE CASCADE, seconds);
    CREATE TABLE log (what TEXT);
    CREATE TRIGGER noted AFTER DELETE ON rides BEGIN INSERT INTO log VALUES ('deleted'); END;
    INSERT INTO lines (name) VALUES ('1'), ('2');
    INSERT INTO rides VALUES (1, 60), (1, 90.5), (2, NULL);
"""
Told = dict[str, tuple[str | None, str | None]]


def fill(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)


def run(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for sql in statements:
            connection.execute(sql)
        connection.commit()


def changes(probe: Databases, action: Callable[[], object]) -> list[Change]:
    before = probe.look()
    action()
    return list(probe.changes(before, probe.look()))


def seen(probe: Databases, action: Callable[[], object]) -> Told:
    return {each.key: (each.before, each.after) for each in changes(probe, action)}


def undo(probe: Databases, action: Callable[[], object]) -> None:
    before = probe.look()
    action()
    for change in probe.changes(before, probe.look()):
        probe.put_back(before, change.key)
