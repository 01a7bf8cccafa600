"""The tests of this module share a thread: a fork between two of them has the pool, and not its thread."""

from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.fixture(scope="module")
def pool():
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_a_asks(pool):
    assert pool.submit(int).result() == 0


def test_b_asks(pool):
    assert pool.submit(int).result() == 0


def test_c_asks(pool):
    assert pool.submit(int).result() == 0
