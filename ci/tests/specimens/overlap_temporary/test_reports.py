"""A test that makes a file of a fixed name in the temporary folder: it must not be there already."""

import os
import tempfile
import time
from pathlib import Path

import pytest


@pytest.fixture
def place():
    report = Path(tempfile.gettempdir()) / "specimen-report.txt"
    yield report
    report.unlink(missing_ok=True)


def test_writes_rides(place):
    os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    time.sleep(0.3)


def test_writes_fares(place):
    place.touch()
    time.sleep(0.3)


def test_writes_its_own(tmp_path):
    (tmp_path / "report.txt").write_text("its own")


def test_touches_nothing():
    assert sum(range(100)) == 4950
