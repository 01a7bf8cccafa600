"""Group commit: who comes while a transaction is under way waits for the next, and shares it."""

import asyncio
from collections.abc import Sequence
from threading import Semaphore

import pytest

from backend.api.group_commit import GroupCommit
from backend.core.errors import DatabaseError

PATIENT = 30.0  # s, for what the other thread does next
FULL, STRANGE, WRONG = 1000, 2000, -1
"""Numbers over which the disk is full, over which the writer stumbles, and to which the answer is an error."""
WAITING = 3
"""The number that still waits when a group of two is in hand."""


class Writer:
    """Writes numbers down, each group when it is let."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self._begun, self._let = Semaphore(0), Semaphore(0)

    def __call__(self, numbers: Sequence[int]) -> Sequence[str | Exception]:
        self.groups.append(list(numbers))
        self._begun.release()
        assert self._let.acquire(timeout=PATIENT)
        if FULL in numbers:
            raise DatabaseError("The disk is full.")
        if STRANGE in numbers:
            raise KeyError(STRANGE)
        return [ValueError(number) if number == WRONG else f"wrote {number}" for number in numbers]

    async def begun(self) -> None:
        """Wait until one more group is in hand."""
        assert await asyncio.to_thread(self._begun.acquire, timeout=PATIENT)

    def let(self, groups: int = 1) -> None:
        self._let.release(groups)


Commit = GroupCommit[int, str]
Task = asyncio.Task[str]


@pytest.fixture
def writer() -> Writer:
    return Writer()


async def ask(commit: Commit, *numbers: int) -> list[Task]:
    """Begin to ask for these, one after the other, and return when all of them wait."""
    tasks = []
    for number in numbers:
        tasks.append(asyncio.create_task(commit.answer(number)))
        await asyncio.sleep(0)
    return tasks


async def behind(commit: Commit, writer: Writer, *numbers: int) -> tuple[Task, list[Task]]:
    """Let these wait behind a group of 0 alone, which is in hand; return the asking for 0 and for them."""
    (first,) = await ask(commit, 0)
    await writer.begun()
    return first, await ask(commit, *numbers)


async def told(*tasks: Task) -> list[str]:
    """Return the answers, or what the errors say."""
    return [str(each) for each in await asyncio.gather(*tasks, return_exceptions=True)]


async def test_those_who_come_meanwhile_are_one_group_and_each_gets_its_own_answer(
    writer: Writer,
) -> None:
    first, others = await behind(Commit("rides", writer), writer, 1, 2, 3)
    writer.let(2)

    assert await told(first, *others) == ["wrote 0", "wrote 1", "wrote 2", "wrote 3"]
    assert writer.groups == [[0], [1, 2, 3]]


async def test_a_group_has_no_more_than_it_may(writer: Writer) -> None:
    first, others = await behind(Commit("rides", writer, most=2), writer, 1, 2, 3, 4, 5)
    writer.let(4)

    assert await told(first, *others) == [f"wrote {number}" for number in range(6)]
    assert writer.groups == [[0], [1, 2], [3, 4], [5]]


async def test_as_many_groups_are_under_way_as_may_be(writer: Writer) -> None:
    """Two, and the third one gathers those who come."""
    commit = Commit("rides", writer, groups=2)
    first, (second,) = await behind(commit, writer, 1)
    await writer.begun()
    others = await ask(commit, 2, 3)
    assert writer.groups == [[0], [1]]
    writer.let(3)

    assert await told(first, second, *others) == [f"wrote {number}" for number in range(4)]
    assert writer.groups == [[0], [1], [2, 3]]


async def test_an_error_is_raised_for_whoever_it_concerns(writer: Writer) -> None:
    first, others = await behind(Commit("rides", writer), writer, 1, WRONG, 3)
    writer.let(2)

    assert await told(first, *others) == ["wrote 0", "wrote 1", str(WRONG), "wrote 3"]
    assert isinstance(others[1].exception(), ValueError)


async def test_when_the_database_fails_all_are_told_and_it_is_not_asked_again(
    writer: Writer,
) -> None:
    """Each by an error of its own, which says where it was raised; what went wrong first stands behind all of them."""
    first, others = await behind(Commit("rides", writer), writer, 1, FULL)
    writer.let(2)

    assert await told(first, *others) == ["wrote 0", *["The disk is full."] * 2]
    assert writer.groups == [[0], [1, FULL]]
    one, two = (each.exception() for each in others)
    assert isinstance(one, DatabaseError)
    assert isinstance(two, DatabaseError)
    assert one is not two
    assert one.__cause__ is two.__cause__ is not None


async def test_a_mistake_over_one_item_costs_the_others_nothing(writer: Writer) -> None:
    """Where the group as a whole fails, each is done by itself."""
    first, others = await behind(Commit("rides", writer), writer, 1, STRANGE, 3)
    writer.let(5)

    assert await told(first, *others) == ["wrote 0", "wrote 1", str(STRANGE), "wrote 3"]
    assert isinstance(others[1].exception(), KeyError)
    assert writer.groups == [[0], [1, STRANGE, 3], [1], [STRANGE], [3]]


async def test_who_gets_no_turn_in_time_is_turned_away_and_nothing_is_written(
    writer: Writer,
) -> None:
    commit = Commit("rides", writer, patience=0)
    first, (second,) = await behind(commit, writer, 1)
    with pytest.raises(DatabaseError, match="Too many rides wait"):
        await second
    writer.let(2)

    assert await told(first) == ["wrote 0"]
    assert await commit.answer(2) == "wrote 2"
    assert writer.groups == [[0], [2]]


async def test_who_is_being_written_is_told_what_became_of_it_however_long_that_takes(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour passes while a group is written: of that group nobody is turned away, but whoever waits for a turn is."""
    loop, late = asyncio.get_running_loop(), 0.0
    now = loop.time
    monkeypatch.setattr(loop, "time", lambda: now() + late)
    first, others = await behind(Commit("rides", writer, most=2, patience=3600), writer, 1, 2, 3)
    writer.let()
    await writer.begun()
    late = 4000.0
    refused = await told(others[2])
    writer.let()

    assert "this one has waited 3600 s" in refused[0]
    assert await told(first, *others[:2]) == ["wrote 0", "wrote 1", "wrote 2"]
    assert writer.groups == [[0], [1, 2]]


@pytest.mark.parametrize("gone", [1, 2, WAITING], ids=["first of a group", "in a group", "waiting"])
async def test_whoever_is_cancelled_takes_nobody_with_him(writer: Writer, gone: int) -> None:
    """What was begun is done; who still waited is not written."""
    commit = Commit("rides", writer, most=2)
    first, others = await behind(commit, writer, 1, 2, 3)
    writer.let()
    await writer.begun()
    others[gone - 1].cancel()
    await asyncio.sleep(0)
    writer.let(4)

    left = [others[number - 1] for number in (1, 2, 3) if number != gone]
    assert await told(first, *left) == ["wrote 0", *(f"wrote {n}" for n in (1, 2, 3) if n != gone)]
    assert others[gone - 1].cancelled()
    assert await commit.answer(4) == "wrote 4"
    written = [] if gone == WAITING else [[WAITING]]
    assert writer.groups == [[0], [1, 2], *written, [4]]
