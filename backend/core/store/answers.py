"""Answers kept under idempotency keys, so that a repeated request repeats its answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Executable, bindparam, delete, insert, select

from backend.core.storage import Transaction
from backend.core.storage.schema import Schema


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The first answer to a request."""

    fingerprint: str
    """Of the request's body: another body under the same key is a conflict."""
    status: int
    body: bytes


def remember_answer(tx: Transaction, key: str, answer: StoredAnswer, now: datetime) -> None:
    """Keep the answer given under a key that has none (see `recall_answer`)."""
    tx.execute(
        _remember,
        {
            "key": key,
            "fingerprint": answer.fingerprint,
            "status": answer.status,
            "body": answer.body,
            "stored_at": now,
        },
    )


def recall_answer(tx: Transaction, key: str, now: datetime, ttl: timedelta) -> StoredAnswer | None:
    """Return the answer given under a key less than `ttl` ago, if any.

    An older one is deleted, to make room, so the transaction must be a writing one. Those of other keys are
    retention's business: two submissions that deleted the same rows would wait for each other.
    """
    tx.claim(f"answer {key}")
    row = tx.execute(_recall, {"key": key}).one_or_none()
    if row is None:
        return None
    if row.stored_at <= now - ttl:
        tx.execute(delete(tx.schema.answers).where(tx.schema.answers.c.key == key))
        return None
    return StoredAnswer(row.fingerprint, row.status, row.body)


def _remember(schema: Schema) -> Executable:
    return insert(schema.answers)


def _recall(schema: Schema) -> Executable:
    answers = schema.answers
    return select(answers).where(answers.c.key == bindparam("key"))
