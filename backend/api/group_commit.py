"""One transaction for all that has come while the one before was under way.

What a transaction costs, whatever is in it - to begin and to commit, a statement for each table, a thread - is so
shared by those who would have had to wait anyhow; nobody waits for others to come. The method is group commit:
D. J. DeWitt et al., "Implementation techniques for main memory database systems", SIGMOD 1984, pp. 1-8.
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


@dataclass(frozen=True, eq=False, slots=True)
class _Turn(Generic[Item, Answer]):
    """What somebody waits for."""

    item: Item
    outcome: asyncio.Future[Answer | Exception]


class GroupCommit(Generic[Item, Answer]):
    """Gathers those who wait; they keep no thread and no connection, and do not wait for ever."""

    def __init__(
        self,
        what: str,
        work: Work[Item, Answer],
        *,
        groups: int = 1,
        most: int = MOST,
        patience: float = PATIENCE,
    ) -> None:
        """Let as many groups be under way at a time, of as many at most."""
        self._what = what
        self._work = work
        self._groups = groups
        self._most = most
        self._patience = patience
        self._waiting: list[_Turn[Item, Answer]] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def answer(self, item: Item) -> Answer:
        """Return the answer to an item, or raise the error that it is answered with.

        Raises DatabaseError when there is no turn in time, or when the database fails: then nothing of the group is
        kept. A mistake of this program over one item costs the others nothing: each is then done by itself. Who is
        cancelled leaves the others alone, and what was begun is done.
        """
        turn: _Turn[Item, Answer] = _Turn(item, asyncio.get_running_loop().create_future())
        self._waiting.append(turn)
        self._begin()
        try:
            await asyncio.wait([turn.outcome], timeout=self._patience)
        finally:
            begun = turn not in self._waiting
            if not begun:
                self._waiting.remove(turn)
        if not begun:
            raise too_many(self._what, self._patience)
        # Begun: however long it takes, what becomes of it is told.
        await asyncio.wait([turn.outcome])
        outcome = turn.outcome.result()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _begin(self) -> None:
        """Begin with whoever waits, as long as there are places."""
        while self._waiting and len(self._under_way) < self._groups:
            taken, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            group = asyncio.create_task(self._do(taken))
            self._under_way.add(group)
            group.add_done_callback(self._end)

    def _end(self, group: asyncio.Task[None]) -> None:
        self._under_way.discard(group)
        self._begin()

    async def _do(self, turns: Sequence[_Turn[Item, Answer]]) -> None:
        outcomes = await _outcomes(self._work, [turn.item for turn in turns])
        for turn, outcome in zip(turns, outcomes, strict=True):
            turn.outcome.set_result(outcome)


async def _outcomes(
    work: Work[Item, Answer], items: Sequence[Item]
) -> Sequence[Answer | Exception]:
    try:
        return await run_in_threadpool(work, items)
    except DatabaseError as error:
        return [_again(error) for _ in items]
    except Exception as error:  # noqa: BLE001 - raised again, for whoever it concerns
        if len(items) == 1:
            return [error]
        return [outcome for item in items for outcome in await _outcomes(work, [item])]


def _again(error: DatabaseError) -> DatabaseError:
    """Return the same error anew: each that is raised has written into it where that was."""
    again = DatabaseError(str(error))
    again.__cause__ = error
    return again
