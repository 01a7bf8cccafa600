"""Which tests are called unstable, and of which kind: one kind after the other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import alone, by_worker, concurrent, declared, outcome, parallel, run, shuffled
from judging import kinds, only

from shakeproof.investigate.classify import classify
from shakeproof.model import Experiment, Instability, Kind, Status

PASSED, FAILED, ERROR = Status.PASSED, Status.FAILED, Status.ERROR
CRASHED, HUNG, NOT_RUN = Status.CRASHED, Status.HUNG, Status.NOT_RUN

# What is no instability


def test_equal_outcomes_raise_no_suspicion() -> None:
    seen = {
        "a": PASSED,
        "b": Status.SKIPPED,
        "c": Status.XFAILED,
        "d": Status.XPASSED,
    }

    assert classify([run(declared(1), seen), run(shuffled(3), seen), run(parallel(), seen)]) == ()


def test_a_reason_for_skipping_may_change() -> None:
    reasons = (outcome("a", Status.SKIPPED, f"no {what}") for what in ("network", "display"))

    assert classify([run(declared(1), {"a": reason}) for reason in reasons]) == ()


def test_what_had_no_turn_says_nothing() -> None:
    """A crash takes the turn of the tests behind it: they are not accused of anything."""
    whole = {"a": PASSED, "b": PASSED, "c": PASSED}
    crash = {"a": PASSED, "b": CRASHED, "c": NOT_RUN}

    assert kinds(run(declared(1), whole), run(declared(2), crash, exit_status=7)) == {
        "b": Instability.CRASH
    }


def test_no_runs_raise_no_suspicion() -> None:
    assert classify([]) == ()


# Broken


def test_a_test_that_fails_in_every_run_is_broken() -> None:
    suspicion = only(run(declared(1), {"a": FAILED}), run(shuffled(3), {"a": FAILED}))

    assert suspicion.kind is Instability.BROKEN
    assert (suspicion.runs, suspicion.failures, suspicion.opposite) == (2, 2, None)


def test_failing_for_a_new_reason_each_time_is_still_broken() -> None:
    reasons = (outcome("a", FAILED, message) for message in ("KeyError: 'x'", "ValueError"))

    assert only(*(run(declared(1), {"a": reason}) for reason in reasons)).kind is (
        Instability.BROKEN
    )


def test_failing_here_and_erring_there_is_broken() -> None:
    runs = (run(declared(1), {"a": FAILED}), run(declared(2), {"a": ERROR}))

    assert only(*runs).kind is Instability.BROKEN


# Crash and hang


@pytest.mark.parametrize(
    ("status", "kind"), [(CRASHED, Instability.CRASH), (HUNG, Instability.HANG)]
)
@pytest.mark.parametrize("elsewhere", [PASSED, FAILED, None], ids=["pass", "fail", "always"])
def test_a_crash_and_a_hang_are_named_so_whatever_else_the_test_does(
    status: Status, kind: Instability, elsewhere: Status | None
) -> None:
    runs = (
        run(declared(1), {"a": elsewhere or status}),
        run(declared(2), {"a": status}, exit_status=-9),
    )

    assert only(*runs).kind is kind


# Order


def test_a_test_that_fails_only_behind_another_is_a_victim() -> None:
    suspicion = only(
        run(declared(1), {"a": PASSED, "b": PASSED}),
        run(declared(2), {"a": PASSED, "b": PASSED}),
        run(shuffled(3), {"b": PASSED, "a": FAILED}),
    )

    assert (suspicion.test, suspicion.kind) == ("a", Instability.VICTIM)
    assert (suspicion.runs, suspicion.failures, suspicion.failing) == (3, 1, ("seed 3",))
    assert suspicion.example.experiment.label == "seed 3"
    assert suspicion.opposite is not None
    assert suspicion.opposite.experiment.label == "declared #1"


def test_a_test_that_fails_in_every_order_but_not_alone_is_a_victim() -> None:
    runs = (run(declared(1), {"a": PASSED, "b": FAILED}), run(alone("b"), {"b": PASSED}))

    assert kinds(*runs) == {"b": Instability.VICTIM}


def test_a_test_that_fails_only_alone_is_brittle() -> None:
    """A test that passes in the declared order and fails by itself is brittle."""
    runs = (
        run(declared(1), {"a": PASSED, "b": PASSED}),
        run(shuffled(3), {"b": FAILED, "a": PASSED}),
        run(alone("b"), {"b": FAILED}),
    )

    assert kinds(*runs) == {"b": Instability.BRITTLE}


def test_what_ran_alone_is_not_compared_with_what_ran_in_company() -> None:
    """The other tests are not missing from a run that was asked for one."""
    runs = (run(declared(1), {"a": PASSED, "b": PASSED}), run(alone("b"), {"b": PASSED}))

    assert classify(runs) == ()


# Hash seed


def test_an_outcome_that_changes_with_the_hash_seed_alone_follows_it() -> None:
    runs = (
        run(declared(1, hash_seed=0), {"a": PASSED}),
        run(declared(2, hash_seed=1), {"a": FAILED}),
        run(declared(3, hash_seed=1), {"a": FAILED}),
    )

    assert kinds(*runs) == {"a": Instability.HASH_ORDER}


def test_an_outcome_that_changes_under_one_hash_seed_too_is_chance() -> None:
    runs = (
        run(declared(1, hash_seed=0), {"a": PASSED}),
        run(declared(2, hash_seed=1), {"a": FAILED}),
        run(declared(3, hash_seed=1), {"a": PASSED}),
    )

    assert kinds(*runs) == {"a": Instability.NON_DETERMINISTIC}


# Side by side


def test_a_test_that_fails_only_beside_others_is_unsafe_in_parallel() -> None:
    runs = (
        run(declared(1), {"a": PASSED, "b": PASSED}),
        run(shuffled(3), {"b": PASSED, "a": PASSED}),
        run(parallel(), {"a": FAILED, "b": PASSED}),
    )

    assert kinds(*runs) == {"a": Instability.PARALLEL_UNSAFE}


def test_parallel_runs_are_never_compared_with_each_other() -> None:
    """Workers take their tests as they get free, so two such runs were never under identical conditions."""
    runs = (
        run(declared(1), {"a": PASSED}),
        run(parallel(1), {"a": FAILED}),
        run(parallel(2), {"a": PASSED}),
        run(replace(parallel(1), label="parallel #1"), {"a": PASSED}),
    )

    assert kinds(*runs) == {"a": Instability.PARALLEL_UNSAFE}


def test_a_failure_that_comes_and_goes_beside_others_and_hardly_by_itself_is_chance() -> None:
    """One failure in two runs side by side and none in one by itself says nothing about company."""
    runs = (
        run(concurrent(declared(1)), {"a": FAILED}),
        run(concurrent(declared(2)), {"a": PASSED}),
        run(declared(3), {"a": PASSED}),
    )

    assert kinds(*runs) == {"a": Instability.NON_DETERMINISTIC}


def test_failures_beside_others_and_never_by_itself_are_no_chance() -> None:
    """Four failures in five runs side by side, none in five by itself: 1 in 42 if company did not matter."""
    runs = (
        *(run(concurrent(declared(number)), {"a": FAILED}) for number in range(4)),
        run(concurrent(declared(4)), {"a": PASSED}),
        *(run(declared(number), {"a": PASSED}) for number in range(5, 10)),
    )

    assert kinds(*runs) == {"a": Instability.PARALLEL_UNSAFE}


def test_only_runs_with_one_temporary_folder_can_tell_of_what_is_in_it() -> None:
    """Fifteen runs side by side that each had their own do not speak for chance."""
    sharing = replace(concurrent(declared(0)), shares_temporary=True)
    runs = (
        *(run(concurrent(declared(number)), {"a": PASSED}) for number in range(1, 16)),
        *(run(declared(number), {"a": PASSED}) for number in range(16, 20)),
        *(run(sharing, {"a": status}) for status in (FAILED, PASSED, FAILED)),
    )

    assert kinds(*runs) == {"a": Instability.PARALLEL_UNSAFE}


def test_a_failure_beside_others_that_stays_without_them_is_not_theirs() -> None:
    runs = (
        run(concurrent(declared(1)), {"b": PASSED, "a": FAILED}),
        run(declared(2), {"b": PASSED, "a": FAILED}),
        run(Experiment("alone #1 a", Kind.ALONE, tests=("a",), hash_seed=0), {"a": PASSED}),
    )

    assert kinds(*runs) == {"a": Instability.VICTIM}


def test_a_test_that_also_fails_in_its_workers_order_is_a_victim() -> None:
    """The order did it, not the company."""
    spread = by_worker(run(parallel(), {"a": PASSED, "b": FAILED}), {"a": "gw0", "b": "gw0"})
    by_itself = Experiment("gw0, by itself", Kind.REPLAY, tests=("a", "b"), hash_seed=0)
    runs = (
        run(declared(1), {"b": PASSED, "a": PASSED}),
        spread,
        run(by_itself, {"a": PASSED, "b": FAILED}),
    )

    assert kinds(*runs) == {"b": Instability.VICTIM}
