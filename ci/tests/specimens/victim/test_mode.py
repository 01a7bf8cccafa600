"""A setting kept in a global: `test_b_sets_mode` pollutes, `test_a_reads_mode` is its victim."""

MODE = {"mode": "safe"}


def test_a_reads_mode():
    assert MODE["mode"] == "safe"


def test_b_sets_mode():
    MODE["mode"] = "fast"
    assert MODE["mode"] == "fast"


def test_c_minds_its_own_business():
    assert 1 + 1 == 2
