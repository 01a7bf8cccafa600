"""What a run says apart from the outcomes of its tests: what it collected, and how it ended."""

from __future__ import annotations

import pytest
from builders import declared, run
from judging import kinds, only

from shakeproof.investigate.classify import SESSION, session_outcome
from shakeproof.model import Instability, Status

PASSED, CRASHED = Status.PASSED, Status.CRASHED
HUNG, NOT_RUN = Status.HUNG, Status.NOT_RUN

# What is collected


def test_a_test_that_is_missing_from_a_run_is_suspected() -> None:
    runs = (
        *(run(declared(number), {"a": PASSED, "b": PASSED}) for number in (1, 2)),
        run(declared(3), {"a": PASSED}),
    )

    suspicion = only(*runs)

    assert (suspicion.test, suspicion.message) == ("b", "not collected")
    assert suspicion.failing == ("declared #3",)


def test_a_collection_that_changes_by_chance_is_chance() -> None:
    runs = (run(declared(1), {"a": PASSED, "b": PASSED}), run(declared(2), {"a": PASSED}))

    assert kinds(*runs) == {"b": Instability.NON_DETERMINISTIC}


def test_a_collection_that_follows_the_hash_seed_is_hash_order() -> None:
    both, one = {"a": PASSED, "b": PASSED}, {"a": PASSED}
    runs = (
        run(declared(1, hash_seed=0), both),
        run(declared(2, hash_seed=1), one),
        run(declared(3, hash_seed=1), one),
        run(declared(4, hash_seed=0), both),
    )

    assert kinds(*runs) == {"b": Instability.HASH_ORDER}


def test_a_run_that_collects_nothing_misses_every_test() -> None:
    """An exit status of 5 and not a single outcome: that is a different collection, not a run without differences."""
    runs = (run(declared(1), {"a": PASSED}), run(declared(2), {}, exit_status=5))

    assert kinds(*runs) == {"a": Instability.NON_DETERMINISTIC}


def test_a_test_that_appears_once_is_the_odd_one_out() -> None:
    runs = (
        run(declared(1), {"a": PASSED, "b": PASSED}),
        *(run(declared(number), {"a": PASSED}) for number in (2, 3)),
    )

    assert only(*runs).failing == ("declared #1",)


# The run as a whole


def test_a_run_that_dies_outside_any_test_is_a_crash_of_the_session() -> None:
    runs = (run(declared(1), {"a": PASSED}), run(declared(2), {"a": PASSED}, exit_status=-11))

    suspicion = only(*runs)

    assert (suspicion.test, suspicion.kind) == (SESSION, Instability.CRASH)
    assert "-11" in suspicion.message


@pytest.mark.parametrize("status", [CRASHED, HUNG])
def test_a_run_that_a_test_took_down_accuses_the_test_alone(status: Status) -> None:
    seen = run(declared(), {"a": status}, exit_status=-9)

    assert session_outcome(seen).status is PASSED


@pytest.mark.parametrize("exit_status", [0, 1, 2, 5])
def test_a_run_that_ends_as_pytest_ends_is_no_crash(exit_status: int) -> None:
    seen = run(declared(), {"a": PASSED}, exit_status=exit_status)

    assert session_outcome(seen).status is PASSED


@pytest.mark.parametrize("exit_status", [3, 4, 7, -6, -11])
def test_a_run_that_ends_otherwise_crashed(exit_status: int) -> None:
    seen = run(declared(), {"a": PASSED}, exit_status=exit_status)

    assert session_outcome(seen).status is CRASHED


def test_a_collection_that_fails_now_and_then_accuses_the_session_alone() -> None:
    """The tests of the file that could not be imported are not accused one by one as well."""
    error = run(
        declared(2), {"a": NOT_RUN}, exit_status=2, collection_errors=("ImportError: no x",)
    )

    suspicion = only(run(declared(1), {"a": PASSED, "b": PASSED}), error)

    assert (suspicion.test, suspicion.message) == (SESSION, "ImportError: no x")
    assert suspicion.kind is Instability.NON_DETERMINISTIC
