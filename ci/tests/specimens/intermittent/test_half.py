"""`test_a_reads` never fails alone, and behind `test_b_pollutes` it fails in seven of ten runs."""

import os

STATE = set()


def test_a_reads():
    assert not STATE or os.urandom(1)[0] < 77


def test_b_pollutes():
    STATE.add("dirty")


def test_c_minds_its_own_business():
    assert 1 + 1 == 2
