import app


def test_is_safe():
    assert app.get_settings().mode == "safe"


def test_rows():
    assert app.LIMITS["rows"] == 10


def test_rows_in_safe_mode():
    assert app.LIMITS["rows"] == 10 or app.get_settings().mode == "safe"
