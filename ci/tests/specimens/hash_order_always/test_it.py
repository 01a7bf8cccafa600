"""Stands for what happens to fail under the two hash seeds that a dear collection is made with."""

import os


def test_minds_the_hash_seeds_of_the_search():
    assert os.environ.get("PYTHONHASHSEED") not in {"0", "1"}


def test_minds_none():
    pass
