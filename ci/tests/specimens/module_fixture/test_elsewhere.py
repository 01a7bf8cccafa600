"""A test of another module: where it comes between two tests of the first, the basket is a new one."""


def test_minds_its_own_business():
    assert 1 + 1 == 2
