"""Nothing is wrong here."""

import pytest


@pytest.mark.parametrize("word", ["plain", "with space", "a::b", "br[ack]et", "ünï", "", "it's"])
def test_ids(word):
    assert isinstance(word, str)


def test_skipped():
    pytest.skip("not on this machine")


@pytest.mark.xfail(reason="known")
def test_expected_to_fail():
    assert False
