import locale
import logging
import os
import random
import sys
import time
import types
from unittest import mock

import app


def test_environment():
    os.environ["SPECIMEN_MODE"] = "fast"


def test_settings(monkeypatch):
    monkeypatch.setenv("SPECIMEN_SETTING", "fast")
    app.get_settings()


def test_cache(monkeypatch):
    monkeypatch.setattr(app, "LIMIT", 1)
    app.limit()


def test_global_list():
    app.ROWS.append(1)


def test_global_deep_down():
    app.TABLES["routes"]["line"] = 2


def test_class_attribute():
    app.Registry.known = ("it",)


def test_default_argument():
    app.collect("row")


def test_modules():
    sys.modules["colorsys"] = types.ModuleType("colorsys")


def test_cwd(tmp_path):
    os.chdir(tmp_path)


def test_logging():
    logging.getLogger("specimen").disabled = True


def test_random():
    random.seed(3)


def test_timezone(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()


def test_locale():
    locale.setlocale(locale.LC_CTYPE, "C")


def test_clock():
    mock.patch("time.time", return_value=0).start()


def test_file():
    with open(app.flag(), "w") as file:
        file.write("up")


def test_database():
    app.rows()
    with app.database() as connected:
        connected.execute("insert into rides values (1)")
