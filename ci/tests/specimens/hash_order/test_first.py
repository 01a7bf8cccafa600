"""The order of a set of strings follows PYTHONHASHSEED."""


def test_first_of_a_set():
    assert next(iter({"north", "south"})) == "north"


def test_c_minds_its_own_business():
    assert 1 + 1 == 2
