import os

import pytest
from fastapi.testclient import TestClient

from backend.api.main import build_app

os.environ["BMTC_API_KEY"] = "a-key-for-tests-only"
os.environ["BMTC_DB_PATH"] = ":memory:"


@pytest.fixture
def client():
    with TestClient(build_app()) as client:
        yield client
