"""What the specimens overlap_* do wrong, done right: port 0, tmp_path, and a file with a random name."""

import os
import socket
import sqlite3
import tempfile

import pytest


@pytest.mark.parametrize("what", ["rides", "fares"])
def test_serves(what):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()


@pytest.mark.parametrize("what", ["rides", "fares"])
def test_writes(what, tmp_path):
    report = tmp_path / "report.txt"
    report.write_text(what)
    assert report.read_text() == what


@pytest.mark.parametrize("rows", [1, 2])
def test_adds(rows, tmp_path):
    connection = sqlite3.connect(tmp_path / "rides.sqlite3")
    connection.execute("CREATE TABLE rides (line)")
    connection.executemany("INSERT INTO rides VALUES (?)", [("500D",)] * rows)
    assert connection.execute("SELECT count(*) FROM rides").fetchone() == (rows,)
    connection.close()


def test_makes_a_temporary_file():
    handle, name = tempfile.mkstemp()
    os.close(handle)
    os.unlink(name)
