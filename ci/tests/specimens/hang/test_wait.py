"""`test_b_waits` waits for what never comes."""

import threading


def test_a_before():
    assert True


def test_b_waits():
    threading.Event().wait()


def test_c_after():
    assert True
