def test_is_nobody_s_victim():
    pass
