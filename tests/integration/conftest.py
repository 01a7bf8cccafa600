"""What tests of the whole service may ask for besides."""

from pathlib import Path

import pytest

from backend.core.storage import Database
from backend.tools.import_feed import import_feed
from tests.factories import START
from tests.feeds import Load, write_tables


@pytest.fixture
def load(database: Database, tmp_path: Path) -> Load:
    """Give a function that imports a feed for the running service."""

    def load(tables: dict[str, str]) -> None:
        import_feed(database, write_tables(tmp_path / "feed.zip", tables), frozenset(), START)

    return load
