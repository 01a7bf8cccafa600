"""`test_b_uses` relies on what `test_a_fills` leaves behind: it is brittle, and `test_a_fills` its state-setter."""

CACHE = {}


def test_a_fills():
    CACHE["answer"] = 42
    assert CACHE


def test_b_uses():
    assert CACHE["answer"] == 42


def test_c_minds_its_own_business():
    assert 1 + 1 == 2
