import random

STATE = []


def test_a_sound():
    pass


def test_b_pollutes():
    STATE.append(1)


def test_c_sound():
    pass


def test_d_reads():
    assert not STATE or random.random() < 0.5
