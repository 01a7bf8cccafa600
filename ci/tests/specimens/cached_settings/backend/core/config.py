"""The settings as a cached global, which is what they were before they became an argument."""

import os
from functools import cache

from backend.core.settings import Settings, read_settings


@cache
def get_settings() -> Settings:
    """Read the settings once, for as long as the process lives."""
    return read_settings(os.environ)
