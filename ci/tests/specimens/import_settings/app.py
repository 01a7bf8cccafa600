import os
from functools import lru_cache

LIMITS = {"rows": 10}


class Settings:
    def __init__(self):
        self.mode = os.environ.get("SPECIMEN_SETTING", "safe")


@lru_cache
def get_settings() -> Settings:
    return Settings()
