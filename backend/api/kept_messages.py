"""Messages of the feed of trip updates that were made a moment ago: many ask for the same, and making one is work."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.core.store.feeds import CurrentFeed

KEPT_FOR = timedelta(seconds=15)
"""Half of the 30 seconds after which planners ask again."""
MOST_MESSAGES = 64


@dataclass(frozen=True, slots=True)
class Question:
    """What a message answers."""

    feed: CurrentFeed | None
    """Another feed is another question: nothing of the one before it is told any more."""
    route: str | None
    json: bool


@dataclass(frozen=True, slots=True)
class Message:
    """One message, as it is sent."""

    body: bytes
    truncated: bool
    """Whether trips are left out."""
    made_at: datetime

    def fresh_for(self, now: datetime) -> timedelta | None:
        """Return how much longer it may be told; None where it may not, as when the clock was set back.

        It may have been made a little later than `now`, by another thread.
        """
        if abs(now - self.made_at) >= KEPT_FOR:
            return None
        return min(self.made_at + KEPT_FOR - now, KEPT_FOR)


class KeptMessages:
    """The messages of one app that were made last, of any thread."""

    def __init__(self) -> None:
        self._messages: dict[Question, Message] = {}
        self._making = threading.Lock()

    def __len__(self) -> int:
        return len(self._messages)

    def find_or_make(
        self, question: Question, now: datetime, make: Callable[[], tuple[Question, Message]]
    ) -> Message:
        """Return the message that is kept, or else make one, with the question that it then answers.

        One is made at a time: who wants the same meanwhile waits for it.
        """
        found = self._find(question, now)
        if found is None:
            with self._making:
                found = self._find(question, now)
                if found is None:
                    answered, found = make()
                    self._keep(answered, found)
        return found

    def _find(self, question: Question, now: datetime) -> Message | None:
        found = self._messages.get(question)
        return None if found is None or found.fresh_for(now) is None else found

    def _keep(self, question: Question, message: Message) -> None:
        """Keep a message as the newest; forget what is over, and the oldest where there are too many."""
        kept = {
            each: old
            for each, old in self._messages.items()
            if each != question and old.fresh_for(message.made_at) is not None
        }
        newest = list(kept.items())[-(MOST_MESSAGES - 1) :]
        self._messages = dict([*newest, (question, message)])
