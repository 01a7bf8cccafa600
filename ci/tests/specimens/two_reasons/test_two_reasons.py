STATE = {}


def test_a_reads():
    assert STATE.get("mode", "safe") == "safe"
    assert "size" not in STATE, "the size was set"


def test_b_sets_mode():
    STATE["mode"] = "fast"


def test_c_sets_size():
    STATE["size"] = 3
