"""`test_a_reads` has two polluters, and fails for another reason behind each."""

SETTINGS = {"mode": "safe", "user": "nobody"}


def test_a_reads():
    assert SETTINGS["mode"] == "safe", "wrong mode"
    assert SETTINGS["user"] == "nobody", "wrong user"


def test_b_sets_the_mode():
    SETTINGS["mode"] = "fast"


def test_c_sets_the_user():
    SETTINGS["user"] = "root"


def test_d_minds_its_own_business():
    assert 1 + 1 == 2
