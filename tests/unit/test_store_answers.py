"""Answers kept under idempotency keys."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from backend.core.storage import Database
from backend.core.store import recall_answer, remember_answer
from tests.factories import START, make_answer, unique_id

ANSWER = make_answer("abc")
TTL = timedelta(hours=24)


def test_an_answer_is_recalled_byte_for_byte(database: Database) -> None:
    key = unique_id("key")
    with database.writing() as tx:
        remember_answer(tx, key, ANSWER, START)
    with database.writing() as tx:
        assert recall_answer(tx, key, START, TTL) == ANSWER


def test_a_key_never_used_has_no_answer(database: Database) -> None:
    with database.writing() as tx:
        assert recall_answer(tx, unique_id("key"), START, TTL) is None


def test_an_answer_is_kept_until_its_time_is_over(database: Database) -> None:
    key, moment = unique_id("key"), timedelta(microseconds=1)
    with database.writing() as tx:
        remember_answer(tx, key, ANSWER, START)
        assert recall_answer(tx, key, START + TTL - moment, TTL) == ANSWER
        assert recall_answer(tx, key, START + TTL, TTL) is None


def test_recalling_leaves_what_other_keys_have(database: Database) -> None:
    """Two submissions at once do not delete the same rows, and so do not wait for each other."""
    with database.writing() as tx:
        remember_answer(tx, unique_id("key"), ANSWER, START)
        recall_answer(tx, unique_id("key"), START + TTL, TTL)
        left = tx.execute(select(func.count()).select_from(tx.schema.answers)).scalar_one()
    assert left == 1


def test_an_expired_key_can_be_used_again(database: Database) -> None:
    key, other = unique_id("key"), make_answer("def")
    with database.writing() as tx:
        remember_answer(tx, key, ANSWER, START)
        recall_answer(tx, key, START + TTL, TTL)
        remember_answer(tx, key, other, START + TTL)
        assert recall_answer(tx, key, START + TTL, TTL) == other


def test_a_key_cannot_be_answered_twice(database: Database) -> None:
    key = unique_id("key")
    with database.writing() as tx:
        remember_answer(tx, key, ANSWER, START)
        with pytest.raises(IntegrityError, match="UNIQUE"):
            remember_answer(tx, key, ANSWER, START)
