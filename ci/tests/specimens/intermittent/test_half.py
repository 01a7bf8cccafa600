"""`test_a_reads` never fails alone, and behind `test_b_pollutes` it fails about every other time."""

import os

STATE = set()


def test_a_reads():
    assert not STATE or os.urandom(1)[0] < 128


def test_b_pollutes():
    STATE.add("dirty")


def test_c_minds_its_own_business():
    assert 1 + 1 == 2
