"""Tests that fail wherever a certain file is collected, asked of an imaginary laboratory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from builders import declared, run
from hypothesis import given
from hypothesis import strategies as st

from shakeproof.investigate.causes import causes
from shakeproof.investigate.imports import (
    MOST_PIECES,
    culprits_of_import,
    left_by_others,
    putting_back,
)
from shakeproof.model import Cause, Leak, Restoring, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shakeproof.investigate.causes import Answer
    from shakeproof.investigate.culprits import HoldsBehind

FILES = tuple(f"test_{number}.py" for number in range(8))


def lab(fails: Callable[[set[str]], bool]) -> HoldsBehind:
    """Make a laboratory in which the test fails beside certain files."""

    def answer(sets: Sequence[tuple[str, ...]]) -> list[bool]:
        return [fails(set(files)) for files in sets]

    return answer


@given(st.sets(st.sampled_from(FILES), min_size=1))
def test_every_file_that_is_enough_by_itself_is_named(guilty: set[str]) -> None:
    found = culprits_of_import(FILES, lab(lambda files: bool(files & guilty)))

    assert {file for (file,) in found} == guilty


@given(st.sets(st.sampled_from(FILES), min_size=2))
def test_files_that_are_only_enough_together_are_one_set(guilty: set[str]) -> None:
    (found,) = culprits_of_import(FILES, lab(lambda files: guilty <= files))

    assert set(found) == guilty


def test_a_test_that_does_not_fail_again_accuses_no_file() -> None:
    assert culprits_of_import(FILES, lab(lambda _: False)) == ()


VICTIM = "tests/slow/test_it.py::test_it"


def change(by: str, key: str, before: str = "0", after: str = "1") -> Leak:
    return Leak(by, "global", key, before, after, "globals")


def seen(*left: Leak, status: Status = Status.FAILED) -> Answer:
    """Say what a run showed of the test, in which files changed this on import."""
    return left_by_others(replace(run(declared(), {VICTIM: status}), left=left), VICTIM)


def test_what_comes_with_the_tests_own_file_is_no_cause() -> None:
    """Its own file, and each conftest.py above it; one elsewhere is there only because of the other file."""
    own = (
        "tests/slow/test_it.py",
        "tests/slow/conftest.py",
        "tests/conftest.py",
        "conftest.py",
    )
    others = ("tests/fast/conftest.py", "tests/slow/deep/conftest.py", "tests/slow/test_other.py")

    found = seen(*(change(file, file) for file in (*own, *others)))

    assert {each.by for each in found.left if each.by} == set(others)


def test_a_piece_that_two_files_change_is_put_back_behind_both() -> None:
    """Or else the second one would do again what the first is to blame for."""
    found = seen(
        change("test_a.py", "X"), change("test_b.py", "Y"), change("test_b.py", "X", "1", "2")
    )

    look = putting_back(Restoring((("globals", "X"),)), found.left)

    assert look.put_back == (("test_a.py", "globals", "X"), ("test_b.py", "globals", "X"))
    assert look.as_json()["put_back"] == {
        "test_a.py": [["globals", "X"]],
        "test_b.py": [["globals", "X"]],
    }


def test_the_cause_is_put_down_to_the_file_that_does_it() -> None:
    def ask(ways: Sequence[Restoring]) -> list[Answer]:
        left = change("test_a.py", "X"), change("test_b.py", "Y")
        passed = [("globals", "Y") in way.pieces for way in ways]
        return [seen(*left, status=Status.PASSED if each else Status.FAILED) for each in passed]

    assert causes(ask, brittle=False) == (Cause(change("test_b.py", "Y"), proven=True),)


def test_only_so_many_pieces_are_asked_about() -> None:
    """Each takes a fresh process."""
    found = seen(*(change("test_a.py", str(number)) for number in range(MOST_PIECES + 5)))

    assert len([each for each in found.left if not each.by]) == MOST_PIECES
