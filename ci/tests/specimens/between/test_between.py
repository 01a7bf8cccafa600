DIRTY = set()


def test_a_pollutes():
    DIRTY.add("a")


def test_b_cleans():
    DIRTY.clear()


def test_c_reads():
    assert not DIRTY


def test_d_cleans():
    DIRTY.clear()


def test_e_pollutes_too():
    DIRTY.add("e")
