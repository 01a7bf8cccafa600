"""`test_odd_turns` passes in its first run, fails in its second, and so on: what it counts outlives the process."""

from pathlib import Path

TURNS = Path(__file__).parents[1] / "turns"  # beside the project: a copy of its own for each copy of the suite


def test_a_minds_its_own_business():
    assert 1 + 1 == 2


def test_odd_turns():
    with TURNS.open("a") as turns:
        turns.write(".")
        turns.flush()
    assert TURNS.stat().st_size % 2 == 1, "an even turn"
