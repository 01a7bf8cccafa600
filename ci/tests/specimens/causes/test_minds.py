import locale
import logging
import os
import random
import time
from pathlib import Path

import app


def test_environment():
    assert os.environ.get("SPECIMEN_MODE", "safe") == "safe"


def test_settings():
    assert app.get_settings().mode == "safe"


def test_cache():
    assert app.limit() == 10


def test_global_list():
    assert not app.ROWS


def test_global_deep_down():
    assert app.TABLES["routes"]["line"] == 1


def test_class_attribute():
    assert app.Registry.known == ()


def test_default_argument():
    assert app.collect("mine") == ["mine"]


def test_modules():
    import colorsys

    assert colorsys.rgb_to_hsv(0, 0, 0)


def test_cwd():
    assert Path("data.txt").exists()


def test_logging():
    assert logging.getLogger("specimen").isEnabledFor(logging.ERROR)


def test_random():
    assert random.random() != random.Random(3).random()


def test_timezone():
    assert "JST" not in time.tzname


def test_locale():
    assert locale.setlocale(locale.LC_CTYPE) != "C"


def test_clock():
    assert time.time()


def test_file():
    assert not Path(app.flag()).exists()


def test_database():
    assert app.rows() == 0
