"""Which tests are run at the same time, because of what they use; and what is said of that."""

from __future__ import annotations

import pytest
from builders import declared, run, suspicion
from hypothesis import given
from hypothesis import strategies as st

from shakeproof.investigate.classify import SESSION, SIGNIFICANT, chance_of_one_side
from shakeproof.investigate.overlaps import (
    GUESS,
    MOST_CONTROLS,
    Overlap,
    Piece,
    candidates,
    controls_needed,
    may_overlap,
    shared,
)
from shakeproof.model import Instability, Status, Touch


def file(by: str, way: str = "writes", key: str = "data/x.txt") -> Touch:
    return Touch(by, "filesystem", key, way)


def port(by: str, way: str = "binds", key: str = "127.0.0.1:8080") -> Touch:
    return Touch(by, "network", key, way)


def others(*touches: Touch) -> dict[str, int]:
    """Say who is a candidate beside the test a besides itself, and how much doubt there is."""
    found = candidates("a", touches, touches)
    return {each.other: each.doubt for each in found if each.other != "a"}


def test_the_first_candidate_is_the_test_itself() -> None:
    found = candidates("a", [file("a")], [file("a"), file("b")])

    assert [each.other for each in found] == ["a", "b"]


def test_a_file_with_another_name_in_each_run_is_shared_by_nobody() -> None:
    """That is what a random name is."""
    (itself,) = candidates("a", [file("a", key="TMPDIR/tmp1")], [file("a", key="TMPDIR/tmp2")])

    assert itself == Overlap("a")


@pytest.mark.parametrize(
    ("mine", "theirs", "doubt"),
    [
        (file("a"), file("b"), 0),
        (file("a", "reads"), file("b"), 0),
        (file("a"), file("b", "reads"), 0),
        (file("a", "reads"), file("b", "reads"), None),
        (file("a", "makes"), file("b", "makes"), 1),
        (file("a"), file("b", key="data/y.txt"), GUESS),
        (file("a", "removes", "data"), file("b"), 0),
        (file("a"), file("b", "removes", "data"), 0),
        (file("a", "removes", "dat"), file("b"), GUESS),
        (file("a", "lists", "data"), file("b"), 1),
        (file("a", "lists", "data"), file("b", "writes", "data/below/x"), GUESS),
        (file("a", "lists", "data"), file("b", "reads"), None),
        (file("a"), Touch("b", "database", "data/x.txt", "opens"), 0),
        (port("a"), port("b"), 0),
        (port("a"), port("b", key="127.0.0.1:8081"), GUESS),
        (port("a"), port("b", key="0.0.0.0:8080"), 0),
        (port("a"), port("b", key="127.0.0.2:8080"), GUESS),
        (port("a", "connects"), port("b"), 0),
        (port("a", "connects"), port("b", "connects"), None),
        (Touch("a", "process", "", "starts"), Touch("b", "process", "", "starts"), None),
    ],
)
def test_who_may_be_in_the_way(mine: Touch, theirs: Touch, doubt: int | None) -> None:
    """Two tests that only look do not disturb each other; who changes something may disturb anybody, but hardly so."""
    assert others(mine, theirs) == ({} if doubt is None else {"b": doubt})


def test_who_shares_what_few_share_comes_first() -> None:
    everybody = [file(by, key="log") for by in ("a", "b", "c")]
    touches = [*everybody, port("a"), port("c")]

    found = candidates("a", touches, touches)

    assert [each.other for each in found] == ["a", "c", "b"]
    assert {each.key for each in found[1].pieces} == {"log", "127.0.0.1:8080"}


def test_other_suspects_come_before_whoever_changes_something() -> None:
    """Whether a file is there can be asked unheard: then nothing is known that both use."""
    found = candidates("a", [], [file("b"), file("c")], suspects=("c",))

    assert [each.other for each in found] == ["a", "c", "b"]
    assert {each.doubt for each in found} == {GUESS}


def test_a_folder_that_both_make_is_told_as_a_folder() -> None:
    touches = [file("a", "makes", "out"), file("b", "makes", "out")]

    _, other = candidates("a", touches, touches)

    assert other.pieces == (Piece(1, "filesystem", "out/"),)


def test_what_is_mostly_harmless_is_not_told_where_there_is_something_else() -> None:
    touches = [*(file(by, "makes", "out") for by in "ab"), *(port(by) for by in "ab")]

    _, other = candidates("a", touches, touches)

    assert other.pieces == (Piece(0, "network", "127.0.0.1:8080"),)


@pytest.mark.parametrize(
    ("keys", "unheard", "separable"),
    [
        (("TMPDIR/x", "y"), False, True),
        (("TMPDIR/x", "TMPDIR/y"), False, False),
        (("x",), False, False),
        (("TMPDIR/x",), True, False),
    ],
)
def test_a_folder_for_each_can_prove_one_temporary_file_and_nothing_else(
    keys: tuple[str, ...], *, unheard: bool, separable: bool
) -> None:
    """Of two of them it could be either; and what started programs use is not known."""
    pieces = tuple(Piece(0, "filesystem", key) for key in keys)

    assert (Overlap("b", pieces, unheard).separable == pieces[0]) is separable


def test_only_what_is_proven_is_a_cause_where_something_is() -> None:
    pieces = (Piece(0, "filesystem", "TMPDIR/x"), Piece(0, "network", "127.0.0.1:8080"))
    overlap = Overlap("b", pieces)

    assert [(each.leak.key, each.proven) for each in shared(overlap, pieces[0])] == [
        ("TMPDIR/x", True)
    ]
    assert [(each.leak.key, each.proven) for each in shared(overlap)] == [
        ("TMPDIR/x", False),
        ("127.0.0.1:8080", False),
    ]


@given(st.data())
def test_the_controls_are_enough_and_not_one_too_many(data: st.DataObject) -> None:
    rounds = data.draw(st.integers(1, 8))
    hits = data.draw(st.integers(0, rounds))

    needed = controls_needed(hits, rounds)

    def by_chance(controls: int) -> float:
        return chance_of_one_side(hits, rounds, controls)

    if needed is None:
        assert not hits or by_chance(MOST_CONTROLS) >= SIGNIFICANT
    else:
        assert by_chance(needed) < SIGNIFICANT
        assert needed == 1 or by_chance(needed - 1) >= SIGNIFICANT


names = st.sampled_from("abc")
touch = st.builds(
    Touch,
    names,
    st.sampled_from(["filesystem", "database"]),
    st.sampled_from(["x", "x/y", "x/y/z", "TMPDIR/x"]),
    st.sampled_from(["reads", "lists", "makes", "writes", "removes", "opens"]),
)


@given(st.lists(touch, max_size=12))
def test_being_in_the_way_is_mutual(touches: list[Touch]) -> None:
    def doubts(one: str, other: str) -> int | None:
        found = {each.other: each.doubt for each in candidates(one, touches, touches)}
        return None if found.get(other) == GUESS else found.get(other)

    assert doubts("a", "b") == doubts("b", "a")


@pytest.mark.parametrize(
    ("test", "kind", "status", "may"),
    [
        ("a", Instability.PARALLEL_UNSAFE, Status.FAILED, True),
        ("a", Instability.VICTIM, Status.FAILED, False),
        (SESSION, Instability.PARALLEL_UNSAFE, Status.ERROR, False),
        ("a", Instability.PARALLEL_UNSAFE, Status.MISSING, False),
    ],
)
def test_only_a_test_that_fails_beside_others_is_asked_about(
    test: str, kind: Instability, status: Status, *, may: bool
) -> None:
    seen = suspicion(test, kind, run(declared(), {"a": Status.FAILED}), status=status)

    assert may_overlap(seen) is may
