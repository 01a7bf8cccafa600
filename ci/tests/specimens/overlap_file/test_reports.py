"""Two tests that write one file of the project: each finds what it wrote, unless the other has come in between."""

import os
import time

import pytest

REPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "out", "report.txt")


@pytest.fixture
def report():
    os.makedirs(os.path.dirname(REPORT), exist_ok=True)
    handle = os.open(REPORT, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    yield handle
    os.close(handle)
    os.unlink(REPORT)


def test_writes_rides(report):
    os.write(report, b"rides")
    time.sleep(0.2)
    with open(REPORT) as file:
        assert file.read() == "rides"


def test_writes_fares(report):
    os.write(report, b"fares")
    time.sleep(0.2)
    with open(REPORT) as file:
        assert file.read() == "fares"


def test_writes_its_own(tmp_path):
    (tmp_path / "report.txt").write_text("its own")


def test_touches_nothing():
    assert sum(range(100)) == 4950
