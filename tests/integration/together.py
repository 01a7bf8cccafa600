"""Things that several do at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

Result = TypeVar("Result")


def at_once(count: int, do: Callable[[int], Result]) -> list[Result]:
    """Let several, each in a thread of its own, do something at the same moment."""
    barrier = Barrier(count)

    def act(number: int) -> Result:
        barrier.wait(timeout=30)
        return do(number)

    with ThreadPoolExecutor(count) as phones:
        return list(phones.map(act, range(count)))
