"""Two polluters and a cleaner: in the declared order the cleaner saves `test_d_reads`."""

STATE = {}


def test_a_pollutes():
    STATE["dirty"] = 1


def test_b_pollutes_too():
    STATE["dirty"] = 2


def test_c_cleans():
    STATE.clear()


def test_d_reads():
    assert not STATE
