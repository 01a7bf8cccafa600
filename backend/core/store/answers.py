"""Answers kept under idempotency keys, so that a repeated request repeats its answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select

from backend.core.storage import Transaction


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
        insert(tx.schema.answers),
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

    Every older answer is deleted on the way, so the transaction must be a writing one.
    """
    tx.claim(f"answer {key}")
    answers = tx.schema.answers
    tx.execute(delete(answers).where(answers.c.stored_at <= now - ttl))
    row = tx.execute(
        select(answers.c.fingerprint, answers.c.status, answers.c.body).where(answers.c.key == key)
    ).one_or_none()
    return None if row is None else StoredAnswer(row.fingerprint, row.status, row.body)
