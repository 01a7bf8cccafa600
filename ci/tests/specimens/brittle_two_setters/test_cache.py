"""`test_c_uses` needs that `test_a_fills` or `test_b_fills_too` ran; `test_f_uses_both` needs two others, both."""

CACHE = {}


def test_a_fills():
    CACHE["answer"] = 42


def test_b_fills_too():
    CACHE["answer"] = 42


def test_c_uses():
    assert CACHE["answer"] == 42


def test_d_opens():
    CACHE["open"] = True


def test_e_names():
    CACHE["name"] = "shop"


def test_f_uses_both():
    assert (CACHE["open"], CACHE["name"]) == (True, "shop")
