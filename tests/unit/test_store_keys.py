"""API keys in the database: made once, known by their digest, worthless once revoked."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.core.errors import KeyNameError, UnknownKeyError
from backend.core.keys import digest
from backend.core.storage import Database
from backend.core.store import (
    StoredKey,
    add_key,
    any_valid_key,
    is_valid_key,
    list_keys,
    revoke_key,
)
from tests.factories import START, TEST_API_KEY

LATER = START + timedelta(days=1)


def test_every_key_that_was_added_is_valid(database: Database) -> None:
    with database.writing() as tx:
        keys = [add_key(tx, name, START) for name in ("android", "ios")]
        assert [is_valid_key(tx, key) for key in (*keys, TEST_API_KEY, "")] == [True] * 2 + [
            False
        ] * 2


def test_no_two_keys_are_alike_and_none_can_be_guessed(database: Database) -> None:
    """256 random bits are 43 characters of 6 bits each."""
    with database.writing() as tx:
        keys = {add_key(tx, f"key{number}", START) for number in range(20)}
    assert len(keys) == 20
    assert {len(key.removeprefix("bmtc_")) for key in keys} == {43}


def test_a_key_is_stored_by_its_digest_alone(database: Database) -> None:
    with database.writing() as tx:
        key = add_key(tx, "android", START)
        row = tx.execute(select(tx.schema.api_keys)).one()
    assert row.digest == digest(key)
    assert key not in map(str, row)


def test_a_revoked_key_is_worthless_and_the_others_are_not(database: Database) -> None:
    with database.writing() as tx:
        lost, kept = add_key(tx, "lost", START), add_key(tx, "kept", START)
        revoke_key(tx, "lost", LATER)
        assert [is_valid_key(tx, key) for key in (lost, kept)] == [False, True]


def test_keys_are_listed_in_the_order_in_which_they_were_added(database: Database) -> None:
    with database.writing() as tx:
        add_key(tx, "b", START)
        add_key(tx, "a", LATER)
        revoke_key(tx, "b", LATER)
        assert list_keys(tx) == (StoredKey("b", START, LATER), StoredKey("a", LATER, None))


def test_a_key_revoked_twice_keeps_its_first_moment(database: Database) -> None:
    with database.writing() as tx:
        add_key(tx, "lost", START)
        first = revoke_key(tx, "lost", START)
        assert revoke_key(tx, "lost", LATER) == first == StoredKey("lost", START, START)


def test_a_key_that_never_was_cannot_be_revoked(database: Database) -> None:
    with database.writing() as tx, pytest.raises(UnknownKeyError, match="no key with the name 'x'"):
        revoke_key(tx, "x", START)


def test_a_name_is_given_once(database: Database) -> None:
    """After a revocation too: what a log says about a name concerns one key."""
    with database.writing() as tx:
        add_key(tx, "android", START)
        revoke_key(tx, "android", START)
        with pytest.raises(KeyNameError, match="choose another name"):
            add_key(tx, "android", LATER)


@pytest.mark.parametrize("name", ["", " ", "two words", ".", "..", "a/b", "ключ", "n" * 65, "a\n"])
def test_a_name_that_no_address_can_carry_is_refused(database: Database, name: str) -> None:
    with database.writing() as tx, pytest.raises(KeyNameError, match="no name for a key"):
        add_key(tx, name, START)


def test_there_is_a_valid_key_until_the_last_one_is_revoked(database: Database) -> None:
    with database.writing() as tx:
        found = [any_valid_key(tx)]
        add_key(tx, "only", START)
        found.append(any_valid_key(tx))
        revoke_key(tx, "only", LATER)
        found.append(any_valid_key(tx))
    assert found == [False, True, False]
