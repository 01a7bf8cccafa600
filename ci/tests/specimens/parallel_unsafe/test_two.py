"""Two files, one lock: each test is fine by itself and in any order, but not beside the other."""

import os
import time

import pytest

LOCK = os.path.join(os.path.dirname(__file__), "shared.lock")


@pytest.fixture
def lock():
    handle = os.open(LOCK, os.O_CREAT | os.O_EXCL)
    yield
    os.close(handle)
    os.unlink(LOCK)


def test_takes_the_lock(lock):
    time.sleep(0.5)
