"""Two tests that write one file of the temporary folder: each finds what it wrote, unless the other has come in between."""

import os
import tempfile
import time

import pytest


def place():
    return os.path.join(tempfile.gettempdir(), "specimen-report.txt")


@pytest.fixture
def report():
    handle = os.open(place(), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    yield handle
    os.close(handle)
    os.unlink(place())


def test_writes_rides(report):
    os.write(report, b"rides")
    time.sleep(0.2)
    with open(place()) as file:
        assert file.read() == "rides"


def test_writes_fares(report):
    os.write(report, b"fares")
    time.sleep(0.2)
    with open(place()) as file:
        assert file.read() == "fares"


def test_writes_its_own(tmp_path):
    (tmp_path / "report.txt").write_text("its own")


def test_touches_nothing():
    assert sum(range(100)) == 4950
