"""A test that wants nobody to write fares into its file of the project, which another test does."""

import os
import time
from pathlib import Path

import pytest

REPORT = Path(__file__).parent / "out" / "report.txt"


def write(text):
    handle = os.open(REPORT, os.O_WRONLY)
    os.write(handle, text)
    os.close(handle)


@pytest.fixture
def report():
    yield
    write(b"-----")


def test_writes_rides(report):
    write(b"rides")
    for _ in range(15):
        time.sleep(0.02)
        assert REPORT.read_bytes() != b"fares\n"


def test_writes_fares(report):
    for _ in range(15):
        write(b"fares")
        time.sleep(0.02)


def test_writes_its_own(tmp_path):
    (tmp_path / "report.txt").write_text("its own")


def test_touches_nothing():
    assert sum(range(100)) == 4950
