"""`python -m backend migrate`: the tables of a service go down for an older one, and up again."""

import pytest

from backend.core.storage import Database, open_database
from backend.core.storage.migrating import versions
from backend.core.storage.schema import VERSION
from backend.tools.cli import main
from tests.factories import FakeClock


def version(address: str) -> str:
    database = open_database(address)
    try:
        return database.version()
    finally:
        database.close()


def test_tables_go_down_and_up(
    database_address: str, database_variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """To any version that there was; to the same one nothing changes."""
    for to in ("0002", "0002", VERSION):
        assert main(["migrate", to], database_variables, FakeClock()) == 0
        assert version(database_address) == to
    lines = capsys.readouterr().out.splitlines()
    assert [line.rpartition("; ")[2] for line in lines] == [
        f"they had {VERSION}.",
        "they had 0002.",
        "they had 0002.",
    ]
    assert lines[0].startswith("The tables of ")
    assert "have version 0002" in lines[0]


@pytest.mark.parametrize("to", ["9999", "base", ""])
def test_a_version_that_is_none_changes_nothing(
    database_address: str,
    database_variables: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    to: str,
) -> None:
    assert main(["migrate", to], database_variables, FakeClock()) == 2

    assert capsys.readouterr().err == (
        f"python -m backend: There is no version {to} of the tables, but {', '.join(versions())}.\n"
    )
    assert version(database_address) == VERSION


def test_nothing_in_memory_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", VERSION], {"BMTC_DB_PATH": ":memory:"}, FakeClock()) == 2
    assert "BMTC_DB_PATH is :memory:" in capsys.readouterr().err


def test_a_command_that_brings_tables_up_again_says_so(
    database: Database, database_variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Once: somebody may have taken them down on purpose."""
    database.migrate("0003")

    told = []
    for _ in range(2):
        assert main(["keys", "list"], database_variables, FakeClock()) == 0
        told.append(capsys.readouterr())

    assert told[0].err == (
        f"The tables of {database.place} have version {VERSION} now; they had 0003.\n"
    )
    assert told[1].err == told[0].out == told[1].out == ""
