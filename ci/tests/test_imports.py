"""Tests that fail wherever a certain file is collected, asked of an imaginary laboratory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from shakeproof.investigate.imports import culprits_of_import

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
