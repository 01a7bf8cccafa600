"""`test_c_waits` waits for a lock that `test_a_takes` never gives back."""

import threading

LOCK = threading.Lock()


def test_a_takes():
    LOCK.acquire(blocking=False)


def test_b_between():
    assert True


def test_c_waits():
    with LOCK:
        assert True
