import os
import sqlite3
import tempfile
from functools import lru_cache

LIMIT = 10
ROWS = []
TABLES = {"routes": {"line": 1}}


class Settings:
    def __init__(self):
        self.mode = os.environ.get("SPECIMEN_SETTING", "safe")


class Registry:
    known = ()


@lru_cache
def get_settings() -> Settings:
    return Settings()


@lru_cache(maxsize=None)
def limit():
    return LIMIT


def collect(row, rows=[]):  # noqa: B006
    rows.append(row)
    return rows


def flag():
    return os.path.join(tempfile.gettempdir(), "specimen-flag")


def database():
    return sqlite3.connect(os.path.join(tempfile.gettempdir(), "specimen.sqlite3"))


def rows():
    with database() as connected:
        connected.execute("create table if not exists rides (number)")
        return connected.execute("select count(*) from rides").fetchone()[0]
