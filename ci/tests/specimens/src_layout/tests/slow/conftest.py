import pytest


@pytest.fixture
def fast_shop():
    import shop

    shop.MODE["mode"] = "fast"
    return shop
