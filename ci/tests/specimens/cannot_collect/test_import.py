"""This file cannot be imported."""

import no_such_module_anywhere


def test_unreachable():
    assert no_such_module_anywhere
