import shop


def test_reads():
    assert shop.MODE["mode"] == "safe"
