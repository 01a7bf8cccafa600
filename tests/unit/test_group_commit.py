"""Group commit: who comes while a transaction is under way waits for the next, and shares it."""

import asyncio
from collections.abc import Sequence
from threading import Event

import pytest

from backend.api.group_commit import GroupCommit
from backend.core.errors import DatabaseError

PATIENT = 30.0  # s, for what the other thread does next


class Writer:
    """Writes numbers down, a group at a time, once `go` is set."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun, self.go = Event(), Event()

    def __call__(self, numbers: Sequence[int]) -> Sequence[str | Exception]:
        self.groups.append(list(numbers))
        self.begun.set()
        assert self.go.wait(PATIENT)
        return [ValueError(str(n)) if n < 0 else f"wrote {n}" for n in numbers]


async def begun(writer: Writer) -> None:
    """Wait until the writer has a group in hand."""
    assert await asyncio.to_thread(writer.begun.wait, PATIENT)


async def started(*tasks: asyncio.Task[str]) -> None:
    """Let these tasks run until they wait."""
    for _ in tasks:
        await asyncio.sleep(0)


async def test_those_who_come_meanwhile_are_one_group_and_each_gets_its_own_answer() -> None:
    commit, writer = GroupCommit[int, str]("rides"), Writer()
    first = asyncio.create_task(commit.answer(0, writer))
    await begun(writer)
    others = [asyncio.create_task(commit.answer(number, writer)) for number in (1, 2, 3)]
    await started(*others)
    writer.go.set()

    assert await asyncio.gather(first, *others) == ["wrote 0", "wrote 1", "wrote 2", "wrote 3"]
    assert writer.groups == [[0], [1, 2, 3]]


async def test_a_group_has_no_more_than_it_may() -> None:
    commit, writer = GroupCommit[int, str]("rides", most=2), Writer()
    tasks = [asyncio.create_task(commit.answer(number, writer)) for number in range(6)]
    await started(*tasks)
    writer.go.set()
    await asyncio.gather(*tasks)

    assert [number for group in writer.groups for number in group] == list(range(6))
    assert max(map(len, writer.groups)) == 2


async def test_an_error_is_raised_for_whoever_it_concerns() -> None:
    commit, writer = GroupCommit[int, str]("rides"), Writer()
    first = asyncio.create_task(commit.answer(0, writer))
    await begun(writer)
    others = [asyncio.create_task(commit.answer(number, writer)) for number in (1, -2, 3)]
    await started(*others)
    writer.go.set()

    one, two, three = await asyncio.gather(*others, return_exceptions=True)
    assert (one, three, await first) == ("wrote 1", "wrote 3", "wrote 0")
    assert isinstance(two, ValueError)


async def test_when_the_database_fails_all_are_told_and_it_is_not_asked_again() -> None:
    commit, writer, groups = GroupCommit[int, str]("rides"), Writer(), []

    def fail(numbers: Sequence[int]) -> Sequence[str]:
        groups.append(list(numbers))
        raise DatabaseError("The disk is full.")

    first = asyncio.create_task(commit.answer(0, writer))
    await begun(writer)
    others = [asyncio.create_task(commit.answer(number, fail)) for number in (1, 2)]
    await started(*others)
    writer.go.set()

    results = await asyncio.gather(first, *others, return_exceptions=True)
    assert [str(each) for each in results] == ["wrote 0", "The disk is full.", "The disk is full."]
    assert groups == [[1, 2]]


async def test_a_mistake_in_one_item_costs_the_others_nothing() -> None:
    """Where the group as a whole fails, each is done by itself."""
    commit, writer = GroupCommit[int, str]("rides"), Writer()

    def stumble(numbers: Sequence[int]) -> Sequence[str]:
        if 2 in numbers:
            raise KeyError("two")
        return [f"wrote {number}" for number in numbers]

    first = asyncio.create_task(commit.answer(0, writer))
    await begun(writer)
    others = [asyncio.create_task(commit.answer(number, stumble)) for number in (1, 2, 3)]
    await started(*others)
    writer.go.set()

    one, two, three = await asyncio.gather(*others, return_exceptions=True)
    assert (one, three, await first) == ("wrote 1", "wrote 3", "wrote 0")
    assert isinstance(two, KeyError)


async def test_who_gets_no_turn_in_time_is_turned_away_and_nothing_is_written() -> None:
    commit, writer = GroupCommit[int, str]("rides", patience=0), Writer()
    first = asyncio.create_task(commit.answer(0, writer))
    await begun(writer)
    with pytest.raises(DatabaseError, match="Too many rides wait"):
        await commit.answer(1, writer)
    writer.go.set()

    assert await first == "wrote 0"
    assert await commit.answer(2, writer) == "wrote 2"
    assert writer.groups == [[0], [2]]


async def test_who_is_being_written_is_told_what_became_of_it_however_long_that_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An hour passes while a group is written: of that group nobody is turned away, but whoever waits for a turn is."""
    loop, late = asyncio.get_running_loop(), 0.0
    now = loop.time
    commit = GroupCommit[int, str]("rides", most=2, patience=3600)
    before, writer = Writer(), Writer()
    first = asyncio.create_task(commit.answer(0, before))
    await begun(before)
    tasks = [asyncio.create_task(commit.answer(number, writer)) for number in (1, 2, 3)]
    await started(*tasks)
    before.go.set()
    await begun(writer)
    monkeypatch.setattr(loop, "time", lambda: now() + late)
    late = 4000.0
    (refused,) = await asyncio.gather(tasks[2], return_exceptions=True)
    writer.go.set()

    assert isinstance(refused, DatabaseError)
    assert await asyncio.gather(first, *tasks[:2]) == ["wrote 0", "wrote 1", "wrote 2"]
    assert writer.groups == [[1, 2]]


@pytest.mark.parametrize("gone", [0, 1, 2], ids=["leading", "taken along", "waiting"])
async def test_whoever_is_cancelled_takes_nobody_with_him(gone: int) -> None:
    commit = GroupCommit[int, str]("rides", most=2)
    before, writer = Writer(), Writer()
    first = asyncio.create_task(commit.answer(9, before))
    await begun(before)
    tasks = [asyncio.create_task(commit.answer(number, writer)) for number in range(3)]
    await started(*tasks)
    before.go.set()
    await begun(writer)
    tasks[gone].cancel()
    await started(*tasks)
    writer.go.set()

    results = await asyncio.gather(first, *tasks, return_exceptions=True)
    assert isinstance(results.pop(1 + gone), asyncio.CancelledError)
    assert results == ["wrote 9", *(f"wrote {number}" for number in range(3) if number != gone)]
    assert await commit.answer(5, writer) == "wrote 5"
