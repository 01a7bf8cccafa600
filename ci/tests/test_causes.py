"""What a culprit leaves behind that makes the difference, asked of an imaginary laboratory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shakeproof.investigate.causes import Answer, causes, ranked
from shakeproof.model import Cause, Leak, Restoring

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shakeproof.investigate.causes import Ask

KEYS = ("a", "b", "c", "d")


def leak(key: str, by: str = "", *, can_put_back: bool = True) -> Leak:
    return Leak(by, "global", key, "0", "1", "globals", can_put_back)


LEAKS = tuple(leak(key) for key in KEYS)


def lab(passes: Callable[[frozenset[str]], bool], left: Sequence[Leak] = LEAKS) -> Ask:
    """Make a laboratory in which the test passes with certain pieces of state changed, told by their keys."""

    def ask(ways: Sequence[Restoring]) -> list[Answer]:
        answers = []
        for way in ways:
            named = {key for _, key in way.pieces}
            changed = {each.key for each in left}
            put_back = changed - named if way.all_but else named
            answers.append(Answer(passes(frozenset(changed - put_back)), tuple(left)))
        return answers

    return ask


def proven(found: Sequence[Cause]) -> list[str]:
    return [each.leak.key for each in found if each.proven]


def test_what_alone_turns_a_victim_around_is_proven_and_nothing_else_is_named() -> None:
    found = causes(lab(lambda changed: "b" not in changed), brittle=False)

    assert found == (Cause(leak("b"), proven=True),)


def test_each_of_two_pieces_that_turn_it_around_alone_is_proven() -> None:
    found = causes(lab(lambda changed: not {"b", "d"} <= changed), brittle=False)

    assert proven(found) == ["b", "d"]


def test_two_pieces_that_only_turn_it_around_together_name_each_other() -> None:
    found = causes(lab(lambda changed: not {"b", "d"} & changed), brittle=False)

    assert found == (
        Cause(leak("b"), proven=False, together=("d",)),
        Cause(leak("d"), proven=False, together=("b",)),
    )


def test_what_nothing_turns_around_is_only_suspected() -> None:
    found = causes(lab(lambda _: False), brittle=False)

    assert [(each.leak.key, each.proven) for each in found] == [(key, False) for key in KEYS]


def test_a_brittle_test_needs_the_one_piece_that_may_not_be_put_back() -> None:
    found = causes(lab(lambda changed: "c" in changed), brittle=True)

    assert found == (Cause(leak("c"), proven=True),)


def test_a_brittle_test_that_needs_two_pieces_names_both() -> None:
    found = causes(lab(lambda changed: {"a", "c"} <= changed), brittle=True)

    assert [(each.leak.key, each.together) for each in found] == [("a", ("c",)), ("c", ("a",))]


def test_a_brittle_test_that_passes_with_everything_put_back_needs_what_was_not_seen() -> None:
    assert proven(causes(lab(lambda _: True), brittle=True)) == []


@pytest.mark.parametrize("brittle", [False, True])
def test_a_test_that_does_otherwise_while_it_is_watched_proves_nothing(brittle: bool) -> None:  # noqa: FBT001
    assert causes(lab(lambda _: not brittle), brittle=brittle) == ()


def test_what_cannot_be_put_back_is_not_tried_and_not_proven() -> None:
    thread = leak("thread", can_put_back=False)

    assert causes(lab(lambda _: False, [thread]), brittle=False) == (Cause(thread, proven=False),)


def test_a_cause_is_put_down_to_the_last_test_behind_which_it_had_changed() -> None:
    left = (leak("a", "test_first"), leak("a", "test_second"), leak("b", "test_third"), leak("a"))

    (found,) = causes(lab(lambda changed: "a" not in changed, left), brittle=False)

    assert found.leak.by == "test_second"


@pytest.mark.parametrize("brittle", [False, True], ids=["victim", "brittle"])
@given(st.sets(st.sampled_from(KEYS), min_size=1))
def test_the_pieces_named_are_exactly_those_that_are_needed(
    brittle: bool,  # noqa: FBT001
    needed: set[str],
) -> None:
    """Whether one is enough or all of them have to be put back; for a brittle test, left as they are."""
    laboratory = lab(
        (lambda changed: needed <= changed) if brittle else (lambda changed: not needed & changed)
    )

    found = causes(laboratory, brittle=brittle)

    assert {each.leak.key for each in found} == needed
    assert [each.proven for each in found] == [len(needed) == 1] * len(needed)


def test_leaks_that_are_proven_causes_come_first_and_then_who_else_touches_the_same() -> None:
    mine, same, other = leak("a", "test_x"), leak("a", "test_y"), leak("b", "test_x")
    finding = type("", (), {"causes": (Cause(mine, proven=True),)})

    assert ranked([other, same, mine], [finding]) == (mine, same, other)  # type: ignore[list-item]
