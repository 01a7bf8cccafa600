"""The tests of this module share a basket: `test_b_adds` leaves something in it for `test_a_is_empty`."""

import pytest


@pytest.fixture(scope="module")
def basket():
    return []


def test_a_is_empty(basket):
    assert not basket


def test_b_adds(basket):
    basket.append("apple")
    assert basket


def test_c_looks_elsewhere(basket):
    assert isinstance(basket, list)
