"""The hub of live estimates: who gets which, whoever is slow, and however the database fails."""

import asyncio
from collections.abc import Collection, Mapping

import pytest

from backend.core.errors import DatabaseError
from backend.core.live import SEGMENTS_PER_READING, Crowd, CrowdedError, Ending, Hub
from backend.core.rides import Segment
from tests.factories import make_segment


class Board:
    """What a database would say: a version per segment."""

    def __init__(self) -> None:
        self.versions: dict[Segment, int] = {}
        self.readings = 0
        self.broken = False

    async def read(self, segments: Collection[Segment]) -> Mapping[Segment, str]:
        self.readings += 1
        await asyncio.sleep(0)  # as who waits for a database: others have their turn
        if self.broken:
            raise DatabaseError("gone")
        return {segment: self.text(segment) for segment in segments}

    def text(self, segment: Segment) -> str:
        return f"{segment.from_stop} {self.versions.get(segment, 0)}"


def make_hub(board: Board, *, connections: int = 9, per_address: int = 9) -> Hub:
    return Hub(board.read, Crowd(connections, per_address, segments=9))


async def commit(hub: Hub, board: Board, *segments: Segment) -> None:
    """Change what the board says, and let the loop hear of it, as after a commit in a thread."""
    for segment in segments:
        board.versions[segment] = board.versions.get(segment, 0) + 1
    await asyncio.to_thread(hub.touched, segments)
    await asyncio.sleep(0)


async def test_who_subscribes_gets_the_present_estimate() -> None:
    board, segment = Board(), make_segment()
    hub = make_hub(board)
    mailbox = hub.join("a")
    hub.subscribe(mailbox, [segment])
    await hub.step()
    assert mailbox.take() == (board.text(segment),)


async def test_a_newer_estimate_takes_the_place_of_the_unread_one() -> None:
    """However many commits there are, as many estimates wait as segments are subscribed."""
    board, one, other = Board(), make_segment(), make_segment()
    hub = make_hub(board)
    mailbox = hub.join("a")
    hub.subscribe(mailbox, [one, other])
    for _ in range(100):
        await commit(hub, board, one)
        await hub.step()
        assert mailbox.unread <= 2
    assert mailbox.take() == (f"{one.from_stop} 100", board.text(other))


async def test_many_commits_between_two_readings_are_read_once() -> None:
    board, segment = Board(), make_segment()
    hub = make_hub(board)
    hub.subscribe(hub.join("a"), [segment])
    for _ in range(50):
        await commit(hub, board, segment)
    await hub.step()
    assert (board.readings, hub.due) == (1, 0)


async def test_what_nobody_listens_to_is_not_read() -> None:
    board, segment, other = Board(), make_segment(), make_segment()
    hub = make_hub(board)
    await commit(hub, board, segment)
    hub.subscribe(hub.join("a"), [segment])
    await hub.step()
    await commit(hub, board, other)
    await hub.step()
    assert board.readings == 1


async def test_only_the_newcomer_gets_what_others_have_already() -> None:
    board, segment = Board(), make_segment()
    hub = make_hub(board)
    first, second = hub.join("a"), hub.join("b")
    hub.subscribe(first, [segment])
    await hub.step()
    first.take()
    hub.subscribe(second, [segment])
    await hub.step()
    assert (first.unread, second.unread) == (0, 1)


async def test_nothing_comes_after_unsubscribing() -> None:
    """Neither what waited in the mailbox, nor what was due, nor what was being read."""
    board, segment = Board(), make_segment()
    hub = make_hub(board)
    mailbox = hub.join("a")
    hub.subscribe(mailbox, [segment])
    await hub.step()
    await commit(hub, board, segment)
    hub.unsubscribe(mailbox, [segment, make_segment()])
    assert (mailbox.take(), hub.due) == ((), 0)
    mailbox.put(segment, "read meanwhile")
    assert mailbox.take() == ()


async def test_all_is_due_after_a_feed() -> None:
    board, segments = Board(), [make_segment() for _ in range(3)]
    hub = make_hub(board)
    hub.subscribe(hub.join("a"), segments)
    await hub.step()
    await asyncio.to_thread(hub.touched)
    await asyncio.sleep(0)
    assert hub.due == 3


async def test_a_reading_has_a_bound() -> None:
    board = Board()
    hub = make_hub(board)
    hub.subscribe(hub.join("a"), [make_segment() for _ in range(SEGMENTS_PER_READING + 1)])
    await hub.step()
    assert hub.due == 1


async def test_what_could_not_be_read_stays_due() -> None:
    board, segment, left = Board(), make_segment(), make_segment()
    hub = make_hub(board)
    mailbox = hub.join("a")
    hub.subscribe(mailbox, [segment, left])
    board.broken = True
    reading = asyncio.ensure_future(hub.step())
    await asyncio.sleep(0)
    hub.unsubscribe(mailbox, [left])
    assert not await reading
    board.broken = False
    assert await hub.step()
    assert mailbox.take() == (board.text(segment),)


@pytest.mark.parametrize("problem", [RuntimeError("nobody foresaw it"), None])
async def test_news_go_on_after_an_error_that_nobody_foresaw(
    problem: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a reading that raises anything nor one that forgets a segment ends the hub: the next commit is told."""
    board, segment = Board(), make_segment()
    spoiled = True

    async def read(segments: Collection[Segment]) -> Mapping[Segment, str]:
        nonlocal spoiled
        if not spoiled:
            return await board.read(segments)
        spoiled = False
        if problem is not None:
            raise problem
        return {}

    async def wait(_: float) -> None:
        """Wait no longer than it takes."""

    hub = Hub(read, Crowd(1, 1, 1), wait)
    hub.start()
    mailbox = hub.join("a")
    hub.subscribe(mailbox, [segment])
    await asyncio.wait_for(mailbox.news(), 10)
    mailbox.take()
    await commit(hub, board, segment)
    await asyncio.wait_for(mailbox.news(), 10)
    assert mailbox.take() == (f"{segment.from_stop} 1",)
    hub.leave(mailbox)
    await hub.close()
    (line,) = (each for each in caplog.records if each.name == "backend.core.live")
    assert line.exc_info


async def test_a_database_that_fails_is_asked_again_after_growing_pauses() -> None:
    """The task of the hub outlives every failure, and delivers once the database answers."""
    board, segment = Board(), make_segment()
    board.broken = True
    pauses: list[float] = []

    async def wait(seconds: float) -> None:
        pauses.append(seconds)
        board.broken = len(pauses) < 3

    hub = Hub(board.read, Crowd(1, 1, 1), wait)
    hub.start()
    mailbox = hub.join("a")
    hub.subscribe(mailbox, [segment])
    await mailbox.news()
    hub.leave(mailbox)
    await hub.close()
    assert pauses == [1, 2, 4]


async def test_a_hub_that_waits_after_a_failure_closes_at_once() -> None:
    board = Board()
    board.broken = True
    asked = asyncio.Event()

    async def wait(_: float) -> None:
        asked.set()
        await asyncio.Event().wait()

    hub = Hub(board.read, Crowd(1, 1, 1), wait)
    hub.start()
    mailbox = hub.join("a")
    hub.subscribe(mailbox, [make_segment()])
    await asked.wait()
    hub.leave(mailbox)
    await hub.close()


async def test_more_listeners_than_allowed_are_turned_away() -> None:
    hub = make_hub(Board(), connections=3, per_address=2)
    first = hub.join("a")
    hub.join("a")
    with pytest.raises(CrowdedError, match="Your address has 2 connections"):
        hub.join("a")
    hub.join("b")
    with pytest.raises(CrowdedError, match="keeps 3 connections"):
        hub.join("c")
    hub.leave(first)
    assert hub.join("c").ending is None


async def test_closing_ends_every_connection_and_waits_for_it() -> None:
    hub = make_hub(Board())
    mailbox = hub.join("a")
    closing = asyncio.ensure_future(hub.close())
    await mailbox.ended()
    assert mailbox.ending is Ending.GOING_AWAY
    assert not closing.done()
    hub.leave(mailbox)
    await closing
    assert hub.join("late").ending is Ending.GOING_AWAY


def test_a_commit_after_the_end_is_harmless() -> None:
    """A ride may be committed when the loop has ended; nobody is there to be told."""

    async def begin() -> Hub:
        hub = make_hub(Board())
        hub.subscribe(hub.join("a"), [segment])
        return hub

    segment = make_segment()
    hub = asyncio.run(begin())
    hub.touched([segment])
