"""The gate before the database: who comes when all places are taken waits, and not for ever."""

import asyncio

import pytest

from backend.api.gate import Gate
from backend.core.errors import DatabaseError


async def test_as_many_as_there_are_places_are_in_at_a_time() -> None:
    gate, inside, most = Gate("rides", places=2), 0, 0

    async def pass_through() -> None:
        nonlocal inside, most
        async with gate.place():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(pass_through() for _ in range(9)))
    assert most == 2


async def test_who_finds_no_place_in_time_is_turned_away_and_takes_none() -> None:
    gate = Gate("rides", places=1, patience=0)
    async with gate.place():
        with pytest.raises(DatabaseError, match="Too many rides wait"):
            async with gate.place():
                pytest.fail("there was no place")
    async with gate.place():
        pass
