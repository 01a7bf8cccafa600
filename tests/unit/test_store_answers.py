"""Answers kept under idempotency keys."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from backend.core.storage import Database
from backend.core.store import StoredAnswer, recall_answer, remember_answer
from tests.factories import START, unique_id

ANSWER = StoredAnswer(fingerprint="abc", status=200, body=b'{"accepted":1}')
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


def test_expired_answers_of_all_keys_are_deleted(database: Database) -> None:
    with database.writing() as tx:
        for _ in range(3):
            remember_answer(tx, unique_id("key"), ANSWER, START)
        remember_answer(tx, unique_id("key"), ANSWER, START + TTL)
        recall_answer(tx, unique_id("key"), START + TTL, TTL)
        left = tx.execute(select(func.count()).select_from(tx.schema.answers)).scalar_one()
    assert left == 1


def test_a_key_cannot_be_answered_twice(database: Database) -> None:
    key = unique_id("key")
    with database.writing() as tx:
        remember_answer(tx, key, ANSWER, START)
        with pytest.raises(IntegrityError, match="UNIQUE"):
            remember_answer(tx, key, ANSWER, START)
