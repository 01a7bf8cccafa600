import logging
import os
from unittest import mock

import app

with mock.patch.dict(os.environ, {"SPECIMEN_SETTING": "fast"}):
    SETTINGS = app.get_settings()

logging.getLogger("specimen").setLevel(logging.ERROR)  # which nobody minds


def test_is_fast():
    assert SETTINGS.mode == "fast"
