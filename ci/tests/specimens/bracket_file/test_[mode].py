"""pytest takes the first bracket of an argument for that of a parameter: no command line of its own names these tests."""

MODE = {"mode": "safe"}


def test_a_reads_mode():
    assert MODE["mode"] == "safe"


def test_b_sets_mode():
    MODE["mode"] = "fast"
