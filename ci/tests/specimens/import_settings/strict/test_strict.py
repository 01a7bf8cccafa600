import app


def test_strict():
    assert app.LIMITS["rows"] == 1
