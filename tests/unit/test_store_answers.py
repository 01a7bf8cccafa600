"""Answers kept under idempotency keys."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from backend.core.storage import Database
from backend.core.store import recall_answers, remember_answers
from tests.factories import START, make_answer, unique_id

ANSWER = make_answer("abc")
TTL = timedelta(hours=24)


def test_an_answer_is_recalled_byte_for_byte(database: Database) -> None:
    key = unique_id("key")
    with database.writing() as tx:
        remember_answers(tx, {key: ANSWER}, START)
    with database.writing() as tx:
        assert recall_answers(tx, [key], START, TTL) == {key: ANSWER}


def test_a_key_never_used_has_no_answer(database: Database) -> None:
    with database.writing() as tx:
        assert recall_answers(tx, [unique_id("key")], START, TTL) == {}


def test_an_answer_is_kept_until_its_time_is_over(database: Database) -> None:
    key, moment = unique_id("key"), timedelta(microseconds=1)
    with database.writing() as tx:
        remember_answers(tx, {key: ANSWER}, START)
        assert recall_answers(tx, [key], START + TTL - moment, TTL) == {key: ANSWER}
        assert recall_answers(tx, [key], START + TTL, TTL) == {}


def test_recalling_leaves_what_other_keys_have(database: Database) -> None:
    """Two submissions at once do not delete the same rows, and so do not wait for each other."""
    with database.writing() as tx:
        remember_answers(tx, {unique_id("key"): ANSWER}, START)
        recall_answers(tx, [unique_id("key")], START + TTL, TTL)
        left = tx.execute(select(func.count()).select_from(tx.schema.answers)).scalar_one()
    assert left == 1


def test_an_expired_key_can_be_used_again(database: Database) -> None:
    key, other = unique_id("key"), make_answer("def")
    with database.writing() as tx:
        remember_answers(tx, {key: ANSWER}, START)
        recall_answers(tx, [key], START + TTL, TTL)
        remember_answers(tx, {key: other}, START + TTL)
        assert recall_answers(tx, [key], START + TTL, TTL) == {key: other}


def test_a_key_cannot_be_answered_twice(database: Database) -> None:
    key = unique_id("key")
    with database.writing() as tx:
        remember_answers(tx, {key: ANSWER}, START)
        with pytest.raises(IntegrityError, match="UNIQUE"):
            remember_answers(tx, {key: ANSWER}, START)


def test_of_several_keys_those_are_told_that_have_an_answer(database: Database) -> None:
    keys = [unique_id("key") for _ in range(4)]
    with database.writing() as tx:
        remember_answers(tx, {keys[0]: ANSWER}, START - TTL)
        remember_answers(tx, dict.fromkeys(keys[1:3], ANSWER), START)
        assert recall_answers(tx, keys, START, TTL) == dict.fromkeys(keys[1:3], ANSWER)
        kept = tx.execute(select(tx.schema.answers.c.key)).scalars().all()
    assert sorted(kept) == sorted(keys[1:3])
