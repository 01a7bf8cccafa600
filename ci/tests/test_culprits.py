"""Who is to blame for an order-dependent test, asked of an imaginary laboratory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from shakeproof.investigate.culprits import all_culprits, cleaners, minimal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shakeproof.investigate.culprits import HoldsBehind

TESTS = tuple("abcdefgh")


def lab(fails: Callable[[tuple[str, ...]], bool]) -> HoldsBehind:
    """Make a laboratory in which the test in question fails behind certain beginnings."""

    def answer(beginnings: Sequence[tuple[str, ...]]) -> list[bool]:
        return [fails(beginning) for beginning in beginnings]

    return answer


def test_every_single_culprit_is_named() -> None:
    assert all_culprits(TESTS, TESTS, lab(lambda order: "c" in order or "f" in order)) == (
        ("c",),
        ("f",),
    )


def test_two_tests_that_only_bring_it_about_together_are_one_set_in_their_order() -> None:
    def holds(order: tuple[str, ...]) -> bool:
        return "b" in order and "g" in order and order.index("b") < order.index("g")

    assert all_culprits(TESTS, TESTS, lab(holds)) == (("b", "g"),)


def test_what_does_not_come_about_again_accuses_nobody() -> None:
    assert all_culprits(TESTS, TESTS, lab(lambda _: False)) == ()


def test_what_comes_about_only_now_and_then_accuses_nobody_of_a_set() -> None:
    """One test alone is accused; that the whole beginning does not bring it about any more changes nothing."""
    assert all_culprits(TESTS, TESTS[:4], lab(lambda order: order == ("c",))) == (("c",),)


def test_a_cleaner_is_whoever_makes_the_victim_pass_behind_its_first_polluters() -> None:
    def passes(order: tuple[str, ...]) -> bool:
        return "c" not in order or "e" in order[order.index("c") :]

    assert cleaners(TESTS, (("c",), ("f",)), lab(passes)) == ("e",)


def test_no_polluter_is_a_cleaner() -> None:
    assert cleaners(TESTS, (("c",), ("f",)), lab(lambda _: True)) == ("a", "b", "d", "e", "g", "h")


@given(st.lists(st.sampled_from(range(30)), unique=True, min_size=1), st.data())
def test_a_minimal_set_is_exactly_what_is_needed(numbers: list[int], data: st.DataObject) -> None:
    """Where the failure needs a fixed set of tests, that set is found, in its order, whatever surrounds it."""
    tests = [str(number) for number in numbers]
    needed = data.draw(st.sets(st.sampled_from(tests), min_size=1))

    found = minimal(tests, lab(lambda order: needed <= set(order)))

    assert found == tuple(test for test in tests if test in needed)


@given(st.integers(1, 12), st.sets(st.frozensets(st.integers(0, 11), min_size=1), min_size=1))
def test_nothing_can_be_left_out_of_a_minimal_set(count: int, reasons: set[frozenset[int]]) -> None:
    """The set still shows the failure, and without any one of its tests it does not, whatever the reasons are."""
    tests = tuple(str(number) for number in range(max(count, 12)))

    def fails(order: tuple[str, ...]) -> bool:
        return any({str(number) for number in reason} <= set(order) for reason in reasons)

    found = minimal(tests, lab(fails))

    assert fails(found)
    assert not any(fails(found[:place] + found[place + 1 :]) for place in range(len(found)))
