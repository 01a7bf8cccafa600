def test_sets(fast_shop):
    assert fast_shop.MODE["mode"] == "fast"


def test_minds_its_own_business():
    assert 1 + 1 == 2
