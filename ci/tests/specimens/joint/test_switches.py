"""Two switches, and only both together are dangerous: `test_e_reads` has no single polluter."""

SWITCHES = set()


def test_a_left():
    SWITCHES.add("left")


def test_b_idle():
    assert True


def test_c_right():
    SWITCHES.add("right")


def test_d_idle():
    assert True


def test_e_reads():
    assert not {"left", "right"} <= SWITCHES
