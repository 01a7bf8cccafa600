"""A file and a folder with awkward names."""

import pytest


@pytest.mark.parametrize("number", range(49))
def test_many(number):
    assert number >= 0


def test_prüfung():
    assert "ü"
