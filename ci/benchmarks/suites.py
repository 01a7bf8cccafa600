"""Suites to measure on, written to a folder: tests that cost nothing, so that what runs them is all that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TESTS_IN_A_FILE = 25
EMPTY = "def test_{number:05}() -> None:\n    pass\n"
POLLUTER = "def test_{number:05}() -> None:\n    state.CLEAN = False\n"
VICTIM = "def test_{number:05}() -> None:\n    assert state.CLEAN\n"


def write_empty(folder: Path, tests: int) -> None:
    """Write a suite of so many empty tests, over several files."""
    _write(folder, [EMPTY] * tests)


def write_polluted(folder: Path, tests: int) -> tuple[str, str]:
    """Write a suite of empty tests, but for one that pollutes and one that minds; give the node ids of the two.

    The polluter stands a third of the way down and the victim last: a bisection meets it on neither edge.
    """
    bodies = [EMPTY] * tests
    polluter, victim = tests // 3, tests - 1
    bodies[polluter], bodies[victim] = POLLUTER, VICTIM
    names = _write(folder, bodies)
    return names[polluter], names[victim]


def _write(folder: Path, bodies: list[str]) -> list[str]:
    folder.mkdir(parents=True)
    # An empty configuration of its own: no pytest looks for one in the folders above.
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "state.py").write_text("CLEAN = True\n", encoding="utf-8")
    names = []
    for start in range(0, len(bodies), TESTS_IN_A_FILE):
        file = f"test_{start // TESTS_IN_A_FILE:04}.py"
        numbered = list(enumerate(bodies))[start : start + TESTS_IN_A_FILE]
        text = "\n\n".join(body.format(number=number) for number, body in numbered)
        (folder / file).write_text(f"import state\n\n\n{text}", encoding="utf-8")
        names += [f"{file}::test_{number:05}" for number, _ in numbered]
    return names
