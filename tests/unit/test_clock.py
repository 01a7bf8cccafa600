"""The two clocks: the machine's, and the one that stands still."""

from datetime import UTC, timedelta

from backend.core.clock import Clock, SystemClock
from tests.factories import START, FakeClock


def test_the_machines_clock_is_aware_in_utc() -> None:
    clock: Clock = SystemClock()
    assert clock.now().tzinfo is UTC


def test_a_fake_clock_moves_only_when_told(clock: FakeClock) -> None:
    assert (clock.now(), clock.now()) == (START, START)
    clock.advance(timedelta(hours=1))
    assert clock.now() == START + timedelta(hours=1)
