"""Either of two tests makes `test_a_reads` fail: it takes only one."""

MODE = {"mode": "safe"}


def test_a_reads():
    assert MODE["mode"] == "safe"


def test_b_sets_it_fast():
    MODE["mode"] = "fast"


def test_c_sets_it_loud():
    MODE["mode"] = "loud"


def test_d_minds_its_own_business():
    assert 1 + 1 == 2
