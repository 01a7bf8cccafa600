"""API keys, stored as digests: whoever reads the database learns none of them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update

from backend.core.errors import KeyNameError, UnknownKeyError
from backend.core.keys import checked_name, digest, new_key
from backend.core.storage import Transaction


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What may be told about a key."""

    name: str
    created_at: datetime
    revoked_at: datetime | None


def add_key(tx: Transaction, name: str, now: datetime) -> str:
    """Make a key and return it, for the only time.

    A name is used once, also after its key was revoked: a name in a log means one key. Raises KeyNameError for a name
    that is taken or cannot be one.
    """
    tx.claim("keys")
    if _find(tx, checked_name(name)) is not None:
        raise KeyNameError(f"There is or was a key with the name {name!r}; choose another name.")
    key = new_key()
    tx.execute(insert(tx.schema.api_keys), {"name": name, "digest": digest(key), "created_at": now})
    return key


def list_keys(tx: Transaction) -> tuple[StoredKey, ...]:
    """Return all keys, revoked ones too, the first one first."""
    keys = tx.schema.api_keys
    rows = tx.execute(select(keys.c.name, keys.c.created_at, keys.c.revoked_at).order_by(keys.c.id))
    return tuple(StoredKey(row.name, row.created_at, row.revoked_at) for row in rows)


def revoke_key(tx: Transaction, name: str, now: datetime) -> StoredKey:
    """Make a key worthless from now on; one that is revoked already keeps its moment.

    Raises UnknownKeyError when there never was a key of that name.
    """
    tx.claim("keys")
    found = _find(tx, name)
    if found is None:
        raise UnknownKeyError(f"There is no key with the name {name!r}; list the keys to see all.")
    if found.revoked_at is not None:
        return found
    keys = tx.schema.api_keys
    tx.execute(update(keys).where(keys.c.name == name).values(revoked_at=now))
    return StoredKey(name, found.created_at, now)


def is_valid_key(tx: Transaction, key: str) -> bool:
    """Whether this is a key that was added and not revoked.

    It is looked up by its digest. How long that takes tells nothing that helps: nobody can choose a text by what its
    digest begins with and come nearer to a key.
    """
    keys = tx.schema.api_keys
    found = select(keys.c.id).where(keys.c.digest == digest(key), keys.c.revoked_at.is_(None))
    return tx.execute(found).first() is not None


def any_valid_key(tx: Transaction) -> bool:
    """Whether there is a key that was not revoked."""
    keys = tx.schema.api_keys
    return tx.execute(select(keys.c.id).where(keys.c.revoked_at.is_(None))).first() is not None


def _find(tx: Transaction, name: str) -> StoredKey | None:
    keys = tx.schema.api_keys
    row = tx.execute(
        select(keys.c.created_at, keys.c.revoked_at).where(keys.c.name == name)
    ).one_or_none()
    return None if row is None else StoredKey(name, row.created_at, row.revoked_at)
