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

    An older one is deleted, to make room, so the transaction must be a writing one. Those of other keys are
    `forget_answers`' business: two submissions that deleted the same rows would wait for each other.
    """
    tx.claim(f"answer {key}")
    answers = tx.schema.answers
    tx.execute(delete(answers).where(answers.c.key == key, answers.c.stored_at <= now - ttl))
    row = tx.execute(
        select(answers.c.fingerprint, answers.c.status, answers.c.body).where(answers.c.key == key)
    ).one_or_none()
    return None if row is None else StoredAnswer(row.fingerprint, row.status, row.body)


def forget_answers(tx: Transaction, now: datetime, ttl: timedelta) -> int:
    """Delete every answer given `ttl` ago or earlier, and return how many there were.

    Belongs in a transaction of its own: it waits for submissions under those keys, and they wait for it.
    """
    tx.claim(
        "answers that are over"
    )  # so that two of them do not delete the same rows in different orders
    answers = tx.schema.answers
    return tx.execute(delete(answers).where(answers.c.stored_at <= now - ttl)).rowcount
