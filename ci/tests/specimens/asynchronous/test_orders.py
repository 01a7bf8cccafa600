"""Coroutines in one loop for the module: `test_b_orders` leaves an order in the queue."""

import asyncio

import pytest

WAITING = []


@pytest.fixture(scope="module")
async def kitchen():
    queue = asyncio.Queue()
    yield queue
    while not queue.empty():
        queue.get_nowait()


async def test_a_starts_empty(kitchen):
    await asyncio.sleep(0)
    assert kitchen.empty()


async def test_b_orders(kitchen):
    await kitchen.put("soup")
    assert kitchen.qsize() >= 1


async def test_c_waits():
    async with asyncio.timeout(5):
        await asyncio.to_thread(len, [])


def test_d_is_not_asynchronous():
    assert asyncio.run(asyncio.sleep(0, "done")) == "done"
