"""Hearing of what happens through audit events, for as long as somebody wants to hear of it."""

from __future__ import annotations

import sys
import time
import weakref
from typing import Any, Callable, Mapping, Tuple

Args = Tuple[Any, ...]
Handler = Callable[[Any, Args], None]  # called with who listens, and the arguments of the event


def listen(owner: object, handlers: Mapping[str, Handler]) -> None:
    """Call a handler at each event of its name, until `owner` is gone.

    A hook can never be removed. This one holds its owner weakly, so that it does nothing once that is gone. Whatever a
    handler raises stays here: an exception out of a hook would stop what the test is doing.
    """
    alive = weakref.ref(owner)
    find = handlers.get

    def hook(event: str, args: Args) -> None:
        handle = find(event)
        if handle is not None:
            living = alive()
            if living is not None:
                try:  # noqa: SIM105  (each module less that is imported is one less that tests can disturb)
                    handle(living, args)
                except Exception:  # noqa: BLE001, S110  (see above; there is nobody to tell)
                    pass

    sys.addaudithook(hook)


def _clock() -> Callable[[], int]:
    """Find a clock that those who freeze the time for tests do not know, or hold by the name of a module of theirs."""
    if sys.platform == "win32":
        return time.time_ns
    read, realtime = time.clock_gettime_ns, time.CLOCK_REALTIME
    return lambda: read(realtime)


now = _clock()  # nanoseconds since 1970, as in the times of files
