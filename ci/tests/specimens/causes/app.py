import os
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
