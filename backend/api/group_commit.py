"""One transaction for all that has come while the one before was under way.

What a transaction costs, whatever is in it - to begin and to commit, a statement for each table, a thread - is so
shared by those who would have had to wait anyhow; nobody waits for others to come. The method is group commit:
D. J. DeWitt et al., "Implementation techniques for main memory database systems", SIGMOD 1984, pp. 1-8, section 5.2.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from fastapi.concurrency import run_in_threadpool

from backend.api.gate import PATIENCE, too_many
from backend.core.errors import DatabaseError

MOST = 8
"""In one transaction, for which other writers wait; and on PostgreSQL, each claims what it needs until the end."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Work: TypeAlias = Callable[[Sequence[Item]], Sequence[Answer | Exception]]
"""Does all that it is given in one transaction, in this order, and returns an answer to each; an error is raised for
whoever asked for it alone. It blocks, and runs in a thread."""


@dataclass(eq=False, slots=True)
class _Turn(Generic[Item, Answer]):
    """Somebody who waits, and then the group that has taken him along, with his place in it."""

    item: Item
    group: asyncio.Task[Sequence[Answer | Exception]] | None = None
    place: int = 0


class GroupCommit(Generic[Item, Answer]):
    """Does one group's work at a time. Who waits keeps no thread and no connection, and does not wait for ever."""

    def __init__(self, what: str, most: int = MOST, patience: float = PATIENCE) -> None:
        self._what = what
        self._most = most
        self._patience = patience
        self._waiting: list[_Turn[Item, Answer]] = []
        self._leading = asyncio.Lock()

    async def answer(self, item: Item, work: Work[Item, Answer]) -> Answer:
        """Return the answer to an item, or raise the error that it is answered with; `work` is the same for all.

        Raises DatabaseError when there is no turn in time, or when the database fails: then nothing of the group is
        kept. A mistake of this program in one item costs the others nothing: each is then done by itself.
        """
        turn: _Turn[Item, Answer] = _Turn(item)
        self._waiting.append(turn)
        try:
            await self._lead(turn, work)
        finally:
            if turn.group is None:  # given up, or cancelled
                self._waiting.remove(turn)
        if turn.group is None:
            raise too_many(self._what, self._patience)
        # Another one's group must go on, even when this one is cancelled.
        outcome = (await asyncio.shield(turn.group))[turn.place]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _lead(self, turn: _Turn[Item, Answer], work: Work[Item, Answer]) -> None:
        """Wait for the end of the group before; then begin the next one, unless that has taken this turn along."""
        try:
            async with asyncio.timeout(self._patience):
                await self._leading.acquire()
        except TimeoutError:
            return
        try:
            if turn.group is None:
                # The lock is fair: whoever leads has waited longest, and is the first of his group.
                taken, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                group = asyncio.create_task(_do(work, [each.item for each in taken]))
                for place, each in enumerate(taken):
                    each.group, each.place = group, place
                await asyncio.wait([group])
        finally:
            self._leading.release()


async def _do(work: Work[Item, Answer], items: Sequence[Item]) -> Sequence[Answer | Exception]:
    try:
        return await run_in_threadpool(work, items)
    except DatabaseError as error:
        return [error] * len(items)
    except Exception as error:  # noqa: BLE001 - raised again, for whoever it concerns
        if len(items) == 1:
            return [error]
        return [outcome for item in items for outcome in await _do(work, [item])]
