"""`test_a_wrong` fails whatever is done."""


def test_a_wrong():
    assert 1 + 1 == 3


def test_b_right():
    assert 1 + 1 == 2
