"""A coin of Python's own: forks that inherit one random state would all see it fall alike."""

import random


def test_heads():
    assert random.random() < 0.5


def test_c_minds_its_own_business():
    assert 1 + 1 == 2
