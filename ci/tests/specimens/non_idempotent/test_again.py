"""`test_a_registers` passes once: the second time the name is taken, by itself."""

REGISTERED = set()


def test_a_registers():
    assert "name" not in REGISTERED
    REGISTERED.add("name")


def test_b_minds_its_own_business():
    assert 1 + 1 == 2
