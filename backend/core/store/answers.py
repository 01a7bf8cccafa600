"""Answers kept under idempotency keys, so that a repeated request repeats its answer."""

from collections.abc import Collection, Mapping
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


def remember_answers(tx: Transaction, answers: Mapping[str, StoredAnswer], now: datetime) -> None:
    """Keep the answers given under keys that have none (see `recall_answers`)."""
    if answers:
        tx.execute(
            _remember,
            [
                {
                    "key": key,
                    "fingerprint": answer.fingerprint,
                    "status": answer.status,
                    "body": answer.body,
                    "stored_at": now,
                }
                for key, answer in answers.items()
            ],
        )


def recall_answers(
    tx: Transaction, keys: Collection[str], now: datetime, ttl: timedelta
) -> dict[str, StoredAnswer]:
    """Return the answers given under these keys less than `ttl` ago.

    Older ones are deleted, to make room, so the transaction must be a writing one. Those of other keys are
    retention's business: two submissions that deleted the same rows would wait for each other.
    """
    tx.claim(*(f"answer {key}" for key in keys))
    found = tx.execute(_recall, {"keys": list(keys)}).all()
    over = [row.key for row in found if row.stored_at <= now - ttl]
    if over:
        tx.execute(delete(tx.schema.answers).where(tx.schema.answers.c.key.in_(over)))
    return {
        row.key: StoredAnswer(row.fingerprint, row.status, row.body)
        for row in found
        if row.key not in over
    }


def _remember(schema: Schema) -> Executable:
    return insert(schema.answers)


def _recall(schema: Schema) -> Executable:
    answers = schema.answers
    return select(answers).where(answers.c.key.in_(bindparam("keys", expanding=True)))
