"""What a kind of database has to say for itself."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from sqlalchemy import BindParameter, Column, Connection, Engine, FromClause, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError


class Revisions(Protocol):
    """What tells that nothing was written to a database; safe to use from many threads."""

    def now(self) -> int | None:
        """Return a number that is another one as soon as anybody has committed anything; None: unknown. Never waits."""
        ...

    def close(self) -> None:
        """Let go of what that takes."""
        ...


class UnknownRevisions:
    """Of a database that could say so only as slowly as it answers the question itself."""

    def now(self) -> int | None:
        """Return None."""
        return None

    def close(self) -> None:
        """Do nothing."""


class Dialect(Protocol):
    """How to open a database of one kind, and how its transactions keep out of each other's way."""

    @property
    def place(self) -> str:
        """Where the database is, without a password: for messages."""
        ...

    @property
    def writers(self) -> int:
        """How many transactions may write at a time: fewer than there are connections, so that readers find one."""
        ...

    @property
    def patience(self) -> float:
        """Seconds for which a writer waits for its turn, and then once more for what another one holds."""
        ...

    @property
    def remedy(self) -> str:
        """What to do when the database fails: the end of a sentence."""
        ...

    @property
    def choices(self) -> str:
        """What else to open when the database cannot be opened: the end of a sentence."""
        ...

    def engine(self) -> Engine:
        """Make an engine with connections of its own; nothing is connected yet.

        Raises DatabaseError when what the engine needs is not installed.
        """
        ...

    def revisions(self) -> Revisions:
        """Make what tells that nothing was written; nothing is connected yet."""
        ...

    def is_mistake(self, error: DBAPIError) -> bool:
        """Whether an error is one of this program, and not of the machine or of who set it up."""
        ...

    def reason(self, error: DBAPIError) -> str:
        """Say what the database said, in the middle of a sentence; never a password."""
        ...

    def begin(self, connection: Connection, *, writing: bool) -> None:
        """Begin a transaction: one that sees one unchanging state, or one that may write."""
        ...

    def claim(self, connection: Connection, names: Iterable[str]) -> None:
        """Wait until no other writing transaction has claimed one of these names; keep them to the end."""
        ...

    def claim_everything(self, connection: Connection) -> None:
        """Wait until no other writing transaction has claimed anything; keep all of them out to the end."""
        ...

    def made_before_versions(self, connection: Connection) -> bool:
        """Whether the tables are this service's first ones, which had no table of versions."""
        ...

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """Begin a statement that may say what happens to rows that are there already."""
        ...

    def rows_of(self, given: BindParameter[str], columns: Sequence[Column[Any]]) -> FromClause:
        """Make a table with columns named and typed like these of a parameter: a JSON array with an array per row."""
        ...
