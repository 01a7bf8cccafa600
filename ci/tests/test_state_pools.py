"""Connections that are not given back to their pools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy

from shakeproof.inject.shakeproof_state.pools import Pools

if TYPE_CHECKING:
    from pathlib import Path


def test_a_connection_that_is_not_given_back_to_its_pool_is_told(tmp_path: Path) -> None:
    probe = Pools()
    before = probe.look()
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/app.sqlite3")
    connection = engine.connect()

    told = list(probe.changes(before, probe.look()))

    connection.close()
    engine.dispose()
    assert [(each.key, each.before, each.after) for each in told] == [
        (f"sqlalchemy pool of sqlite:///{tmp_path}/app.sqlite3", None, "1 connection out")
    ]


def test_a_connection_that_was_given_back_is_no_change(tmp_path: Path) -> None:
    probe = Pools()
    before = probe.look()
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/app.sqlite3")
    with engine.connect():
        probe.look()

    told = list(probe.changes(before, probe.look()))

    engine.dispose()
    assert told == []


def test_a_pool_that_was_there_before_is_found(tmp_path: Path) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/app.sqlite3")
    with engine.connect():
        assert Pools().look() == {f"sqlite:///{tmp_path}/app.sqlite3": 1}
    engine.dispose()
