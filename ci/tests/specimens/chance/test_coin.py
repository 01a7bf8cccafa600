"""A coin: under identical conditions it falls one way or the other."""

import os


def test_heads():
    assert os.urandom(1)[0] < 128


def test_c_minds_its_own_business():
    assert 1 + 1 == 2
