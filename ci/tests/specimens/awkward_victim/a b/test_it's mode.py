"""A victim and a polluter that no careless command line can name."""

import pytest

MODE = {"mode": "safe"}
NAME = "it's a::b [c] \"d\" $HOME `e` \\ \n ünï 😀"


@pytest.mark.parametrize("_", [0], ids=[NAME])
def test_a_reads(_):
    assert MODE["mode"] == "safe"


@pytest.mark.parametrize("_", [0, 1], ids=[NAME, ""])
def test_b_sets(_):
    MODE["mode"] = "safe" if _ else "fast"
