"""A test that counts the rows of a database in the temporary folder: its own, and those of whoever else is there."""

import sqlite3
import tempfile
import time
from pathlib import Path

import pytest


@pytest.fixture
def database():
    place = Path(tempfile.gettempdir()) / "specimen-rides.sqlite3"
    connection = sqlite3.connect(place, isolation_level=None)
    connection.execute("CREATE TABLE IF NOT EXISTS rides (line)")
    yield connection
    connection.execute("DELETE FROM rides")
    connection.close()


def test_counts_its_rides(database):
    database.execute("INSERT INTO rides VALUES ('500D')")
    time.sleep(0.3)
    assert database.execute("SELECT count(*) FROM rides").fetchone() == (1,)


def test_adds_rides(database):
    for _ in range(15):
        database.execute("INSERT INTO rides VALUES ('335E')")
        time.sleep(0.02)


def test_has_a_database_of_its_own(tmp_path):
    sqlite3.connect(tmp_path / "rides.sqlite3").close()


def test_touches_nothing():
    assert sum(range(100)) == 4950
