"""`python -m backend keys`: add, list and revoke the keys of phones, also under a running service."""

from collections.abc import Iterator
from contextlib import contextmanager

from backend.core.clock import Clock
from backend.core.settings import Settings
from backend.core.storage import Database
from backend.core.store import StoredKey, add_key, list_keys, revoke_key
from backend.tools.opening import opened, require_file


def add(settings: Settings, clock: Clock, name: str) -> None:
    """Make a key and print it: only its digest is kept. KeyNameError for a name that is taken or none."""
    with _database(settings) as database, database.writing() as transaction:
        key = add_key(transaction, name, clock.now())
    print(key)


def show(settings: Settings) -> None:
    """Print a line for each key, revoked ones too."""
    with _database(settings) as database, database.reading() as transaction:
        keys = list_keys(transaction)
    for key in keys:
        print(_line(key))


def revoke(settings: Settings, clock: Clock, name: str) -> None:
    """Make a key worthless from now on; UnknownKeyError for a name that no key has."""
    with _database(settings) as database, database.writing() as transaction:
        key = revoke_key(transaction, name, clock.now())
    print(_line(key))


def _line(key: StoredKey) -> str:
    line = f"{key.name}: added {key.created_at:%Y-%m-%d %H:%M} UTC"
    return (
        line if key.revoked_at is None else f"{line}, revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC"
    )


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    """Open the database of the service; CommandError for one that ends with the command."""
    require_file(settings, "a key would be lost at once")
    with opened(settings) as database:
        yield database
