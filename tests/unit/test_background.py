"""Chores: when they are done, what happens when they fail, and how they end; no second is waited."""

import asyncio
import threading
from datetime import datetime, timedelta

import pytest

from backend.core.background import Background, Chore, growing_pause
from tests.factories import START, FakeClock

HOUR = timedelta(hours=1)


class Waiting:
    """Waits by moving the clock, so often; then for ever."""

    def __init__(self, clock: FakeClock, times: int) -> None:
        self.clock = clock
        self.left = times
        self.waited: list[float] = []
        self.tired = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        if self.left == 0:
            self.tired.set()
            await asyncio.Event().wait()
        self.left -= 1
        self.waited.append(seconds)
        self.clock.advance(timedelta(seconds=seconds))


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (5, 16), (9, 256), (99, 300)])
def test_pauses_grow_up_to_a_limit(failures: int, seconds: float) -> None:
    assert growing_pause(failures) == seconds


async def test_a_chore_is_done_each_time_its_interval_has_passed(clock: FakeClock) -> None:
    done: list[datetime] = []

    def step() -> bool:
        done.append(clock.now())
        return False

    waiting = Waiting(clock, 3)
    background = Background(clock, [Chore("count", HOUR, step)], waiting)
    background.start()
    await waiting.tired.wait()
    await background.stop()
    assert done == [START + HOUR, START + 2 * HOUR, START + 3 * HOUR]


async def test_nothing_is_done_before_the_clock_says_so(clock: FakeClock) -> None:
    """Waiting may end early; only the clock counts."""
    asked: list[float] = []
    often = asyncio.Event()

    async def wait(seconds: float) -> None:
        asked.append(seconds)
        if len(asked) == 3:
            often.set()
            await asyncio.Event().wait()

    def step() -> bool:
        raise AssertionError("too early")

    background = Background(clock, [Chore("early", HOUR, step)], wait)
    background.start()
    await often.wait()
    await background.stop()
    assert asked == [3600, 3600, 3600]


async def test_what_is_left_is_done_at_once(clock: FakeClock) -> None:
    answers = iter([True, True, False])
    done: list[datetime] = []

    def step() -> bool:
        done.append(clock.now())
        return next(answers)

    waiting = Waiting(clock, 1)
    background = Background(clock, [Chore("backlog", HOUR, step)], waiting)
    background.start()
    await waiting.tired.wait()
    await background.stop()
    assert done == [START + HOUR] * 3


async def test_a_step_that_fails_is_logged_and_tried_again_later_and_later(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Its task goes on, and after a success all is as before."""
    outcomes = iter([True, True, True, False])

    def step() -> bool:
        if next(outcomes, False):
            raise OSError("the disk is full")
        return False

    waiting = Waiting(clock, 5)
    background = Background(clock, [Chore("fragile", HOUR, step)], waiting)
    background.start()
    await waiting.tired.wait()
    await background.stop()
    assert waiting.waited == [3600, 1, 2, 4, 3600]
    assert caplog.records[0].getMessage() == (
        "The chore 'fragile' failed 1 times in a row; it is tried again in 1 s."
    )


async def test_stopping_waits_for_the_step_under_way(clock: FakeClock) -> None:
    """The database is closed only when nobody works on it any more."""
    begun, go_on = threading.Event(), threading.Event()
    ended: list[str] = []

    def step() -> bool:
        begun.set()
        go_on.wait(30)
        ended.append("step")
        return True

    background = Background(clock, [Chore("slow", HOUR, step)], Waiting(clock, 9))
    background.start()
    await asyncio.to_thread(begun.wait, 30)
    stopping = asyncio.ensure_future(background.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    go_on.set()
    await stopping
    assert ended == ["step"]
    await background.stop()
