"""Keys of phones, added and revoked while the service runs."""

from collections.abc import Callable
from contextlib import nullcontext

import pytest
from fastapi.testclient import TestClient

from backend.core.settings import Settings
from backend.core.storage import Database
from backend.core.store import add_key, list_keys, revoke_key
from backend.tools.cli import main
from backend.tools.errors import CommandError
from backend.tools.serve import _check_database
from tests.factories import START, TEST_API_KEY, FakeClock, make_segment
from tests.integration.phone import send, travel


@pytest.fixture
def variables(database_path: str) -> dict[str, str]:
    """Give the variables of a service on this test's database that has no key yet."""
    return {"BMTC_DB_PATH": database_path}


def test_a_stored_key_is_as_good_as_that_of_the_settings(
    client: TestClient, database: Database
) -> None:
    """Both are let in, from the next request on."""
    with database.writing() as transaction:
        stored = add_key(transaction, "android", START)

    answers = [send(client, travel(make_segment(), 300), api_key=k) for k in (TEST_API_KEY, stored)]

    assert [answer.status_code for answer in answers] == [200, 200]


def test_a_revoked_key_is_told_no_more_than_a_wrong_one(
    client: TestClient, database: Database
) -> None:
    """Whoever tries does not learn that the key was good once."""
    with database.writing() as transaction:
        stored = add_key(transaction, "android", START)
        revoke_key(transaction, "android", START)

    revoked, wrong = (
        send(client, travel(make_segment(), 300), api_key=key)
        for key in (stored, f"{stored[:-1]}-")
    )

    assert (revoked.status_code, revoked.content) == (401, wrong.content)
    assert wrong.status_code == 401
    told, also = dict(revoked.headers), dict(wrong.headers)
    del told["x-request-id"], also["x-request-id"]
    assert told == also


@pytest.mark.parametrize("settings_overrides", [{"api_key": None}])
def test_without_a_key_in_the_settings_only_stored_ones_are_let_in(
    client: TestClient, database: Database
) -> None:
    """The key of other services' settings is nothing special, and no key at all is none."""
    with database.writing() as transaction:
        stored = add_key(transaction, "android", START)

    statuses = [
        send(client, travel(make_segment(), 300), api_key=key).status_code
        for key in (stored, TEST_API_KEY, "None", " ")
    ]

    assert statuses == [200, 401, 401, 401]


def test_the_digest_of_a_key_is_no_key(client: TestClient, database: Database) -> None:
    """Whoever has read the database cannot write."""
    with database.writing() as transaction:
        add_key(transaction, "android", START)
        digest = transaction.execute(transaction.schema.api_keys.select()).one().digest

    assert send(client, travel(make_segment(), 300), api_key=digest).status_code == 401


def test_the_command_prints_a_key_once(
    variables: dict[str, str],
    client: TestClient,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`keys add` prints nothing but the key, which the running service knows at once."""
    assert main(["keys", "add", "android"], variables, FakeClock()) == 0
    key = capsys.readouterr().out.removesuffix("\n")

    assert send(client, travel(make_segment(), 300), api_key=key).status_code == 200
    assert main(["keys", "list"], variables, FakeClock()) == 0
    assert capsys.readouterr().out == "android: added 2026-03-04 03:30 UTC\n"


def test_the_command_revokes_a_key(
    variables: dict[str, str], database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """`keys revoke` says what it did, and the key stays in the list."""
    main(["keys", "add", "android"], variables, FakeClock())
    capsys.readouterr()

    assert main(["keys", "revoke", "android"], variables, FakeClock()) == 0
    assert main(["keys", "list"], variables, FakeClock()) == 0

    line = "android: added 2026-03-04 03:30 UTC, revoked 2026-03-04 03:30 UTC\n"
    assert capsys.readouterr().out == line * 2
    with database.reading() as transaction:
        assert [key.revoked_at for key in list_keys(transaction)] == [START]


def test_keys_are_not_kept_in_memory(capsys: pytest.CaptureFixture[str]) -> None:
    """A database in memory would forget the key with the command."""
    assert main(["keys", "add", "android"], {"BMTC_DB_PATH": ":memory:"}, FakeClock()) == 2
    assert "name a file" in capsys.readouterr().err


@pytest.mark.parametrize("whose", ["nobody", "a phone", "an administrator"])
def test_a_service_starts_only_where_somebody_can_be_let_in(
    make_settings: Callable[..., Settings], database: Database, whose: str
) -> None:
    """Without the key of the settings a stored one will do, or an administrator who can make one."""
    if whose == "a phone":
        with database.writing() as transaction:
            add_key(transaction, "android", START)
    settings = make_settings(api_key=None, admin_keys=None)
    if whose == "an administrator":
        settings = make_settings(api_key=None)

    expected = (
        pytest.raises(CommandError, match="no key is stored")
        if whose == "nobody"
        else nullcontext()
    )
    with expected:
        _check_database(settings)
