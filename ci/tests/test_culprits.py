"""Who is to blame for an order-dependent test, asked of an imaginary laboratory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from shakeproof.investigate.culprits import Culprits, minimal, of_brittle, of_victim

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shakeproof.investigate.culprits import HoldsBehind

TESTS = tuple("abcdefgh")


def lab(fails: Callable[[tuple[str, ...]], bool]) -> HoldsBehind:
    """Make a laboratory in which the test in question fails behind certain beginnings."""

    def answer(beginnings: Sequence[tuple[str, ...]]) -> list[bool]:
        return [fails(beginning) for beginning in beginnings]

    return answer


def blamed(beginning: Sequence[str], fails: Callable[[tuple[str, ...]], bool]) -> Culprits:
    """Name the culprits of a victim that fails for one reason."""
    return of_victim(TESTS, beginning, lab(fails), lab(lambda order: not fails(order)))


def test_every_single_polluter_is_named() -> None:
    culprits = blamed(TESTS, lambda order: "c" in order or "f" in order)

    assert culprits.sets == (("c",), ("f",))


def test_two_tests_that_only_pollute_together_are_one_set_in_their_order() -> None:
    def fails(order: tuple[str, ...]) -> bool:
        return "b" in order and "g" in order and order.index("b") < order.index("g")

    assert blamed(TESTS, fails).sets == (("b", "g"),)


def test_a_cleaner_is_whoever_makes_the_victim_pass_behind_its_polluter() -> None:
    def fails(order: tuple[str, ...]) -> bool:
        return "c" in order and "e" not in order[order.index("c") :]

    assert blamed(TESTS[:4], fails) == Culprits(sets=(("c",),), cleaners=("e",))


def test_who_makes_it_fail_for_another_reason_is_no_cleaner() -> None:
    culprits = of_victim(
        TESTS,
        TESTS[:4],
        lab(lambda order: "c" in order and "e" not in order),
        lab(lambda order: not {"c", "e"} & set(order)),
    )

    assert culprits == Culprits(sets=(("c",),), cleaners=())


def test_nobody_is_called_a_cleaner_of_a_victim_that_fails_now_and_then() -> None:
    now_and_then = lab(lambda order: order == ("c",))

    assert of_victim(TESTS, TESTS[:4], now_and_then, None) == Culprits((("c",),))


def test_a_victim_that_does_not_fail_again_accuses_nobody() -> None:
    assert blamed(TESTS, lambda _: False) == Culprits(())


def test_every_state_setter_of_a_brittle_test_is_named() -> None:
    culprits = of_brittle(TESTS, TESTS, lab(lambda order: bool({"a", "h"} & set(order))))

    assert culprits.sets == (("a",), ("h",))


def test_two_tests_that_set_the_state_together_are_one_set() -> None:
    culprits = of_brittle(TESTS, TESTS, lab(lambda order: {"a", "h"} <= set(order)))

    assert culprits.sets == (("a", "h"),)


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
