"""Connections that were taken out of a pool of SQLAlchemy and not given back."""

from __future__ import annotations

import gc
import sys
import weakref
from typing import Any, Dict, Iterator, Mapping

from .protocol import Change


class Pools:
    """How many connections are out of each pool that counts them, where the project uses SQLAlchemy."""

    name = "pools"
    category = "database"

    def __init__(self) -> None:
        self._pools: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._is_listening = False

    def look(self) -> Mapping[str, int]:
        """Ask each; nothing is said of those from which none is out."""
        if not self._is_listening:
            self._listen()
        found: Dict[str, int] = {}
        for each in self._pools.keyrefs():
            pool = each()
            out = pool.checkedout() if pool is not None else 0
            if pool is not None and out > 0:
                name = self._pools[pool] = self._pools.get(pool) or _name(pool)
                found[name] = found.get(name, 0) + out
        return found

    def _listen(self) -> None:
        """Hear of each pool when it connects, and find those that have."""
        kind = getattr(sys.modules.get("sqlalchemy.pool"), "Pool", None)
        events = sys.modules.get("sqlalchemy.event")
        if kind is None or events is None or "sqlalchemy.engine" not in sys.modules:
            return  # nobody has imported it, or not all of it yet
        self._is_listening = True
        pools = weakref.ref(self._pools)

        def connected(_: Any, record: Any) -> None:
            known = pools()
            if known is not None:
                known.update(
                    (each, "")
                    for each in gc.get_referents(record, vars(record))
                    if _counts(each, kind)
                )

        events.listen(kind, "connect", connected)
        self._pools.update((each, "") for each in gc.get_objects() if _counts(each, kind))

    def changes(self, before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[Change]:
        """List the pools from which more are out than before."""
        for name, out in after.items():
            if out > before.get(name, 0):
                was = _told(before[name]) if name in before else None
                yield Change(
                    self.category, "sqlalchemy pool of " + name, was, _told(out), can_put_back=False
                )

    def put_back(self, before: Mapping[str, int], key: str) -> None:
        """Whoever has a connection has to give it back."""
        raise LookupError(key)


def _counts(found: object, kind: type) -> bool:
    return issubclass(type(found), kind) and hasattr(type(found), "checkedout")


def _name(pool: Any) -> str:
    """Give the address of its engine, as that shows itself: without the password."""
    for holder in gc.get_referrers(pool):
        held = holder if type(holder) is dict else getattr(holder, "__dict__", {})
        if held.get("pool") is pool and "url" in held:
            return repr(held["url"])
    return "an engine that is gone"


def _told(out: int) -> str:
    return "1 connection out" if out == 1 else "{} connections out".format(out)
