"""Statements that are built once.

To put a statement together takes SQLAlchemy several times as long as SQLite needs to follow it. So what is
asked with every request is built the first time and kept, with the parameters left open.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeAlias

from sqlalchemy import Executable

from backend.core.storage.schema import Schema

Build: TypeAlias = Callable[[Schema], Executable]
"""Puts a statement together from the tables; nothing else goes into it, so that it is the same every time."""


@dataclass(frozen=True, eq=False, slots=True)
class Statements:
    """The statements of one database. Two threads may build one twice, to the same effect."""

    schema: Schema
    _built: dict[Hashable, Executable] = field(default_factory=dict)

    def built(self, build: Build) -> Executable:
        """Return what a function builds, which is called the first time only."""
        return self.kept(build, lambda: build(self.schema))

    def kept(self, key: Hashable, make: Callable[[], Executable]) -> Executable:
        """Return what is kept under a key, or else make it."""
        found = self._built.get(key)
        return self._built.setdefault(key, make()) if found is None else found
