"""`test_c_uses` ends the process where `test_a_closes` has closed what it uses, as a native library does."""

import os

LIBRARY = {"open": True}


def use() -> int:
    if not LIBRARY["open"]:
        os.abort()
    return 1


def test_a_closes():
    LIBRARY["open"] = False


def test_b_between():
    assert True


def test_c_uses():
    assert use() == 1
