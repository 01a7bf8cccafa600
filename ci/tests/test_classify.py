"""Which tests are called unstable, and of which kind."""

from __future__ import annotations

from dataclasses import replace
from random import Random  # noqa: TC003  (Hypothesis reads the annotation)

import pytest
from builders import alone, by_worker, concurrent, declared, outcome, parallel, run, shuffled
from hypothesis import given
from hypothesis import strategies as st

from shakeproof.investigate.classify import SESSION, classify, session_outcome, turns_of
from shakeproof.model import BAD, Experiment, Instability, Kind, Run, Status, Suspicion

PASSED, FAILED, ERROR = Status.PASSED, Status.FAILED, Status.ERROR
CRASHED, HUNG, NOT_RUN = Status.CRASHED, Status.HUNG, Status.NOT_RUN

STATUSES = st.sampled_from(
    [
        PASSED,
        FAILED,
        ERROR,
        Status.SKIPPED,
        Status.XFAILED,
        Status.XPASSED,
        CRASHED,
        HUNG,
        NOT_RUN,
    ]
)
TESTS = ("a", "b", "c")


@st.composite
def whole_runs(draw: st.DrawFn, statuses: st.SearchStrategy[Status] = STATUSES) -> list[Run]:
    """Draw some runs of a suite of three tests, each in an order of its own if it is shuffled."""
    planned = [
        *(declared(number, hash_seed=number % 3) for number in range(draw(st.integers(0, 4)))),
        *(shuffled(seed) for seed in range(draw(st.integers(0, 3)))),
        *(parallel(number) for number in range(draw(st.integers(0, 2)))),
        *(alone("a", number) for number in range(draw(st.integers(0, 2)))),
    ]
    return [draw(_run_of(experiment, statuses)) for experiment in planned]


@st.composite
def _run_of(draw: st.DrawFn, experiment: Experiment, statuses: st.SearchStrategy[Status]) -> Run:
    order = list(experiment.tests or TESTS)
    if experiment.kind is Kind.SHUFFLED:
        order = draw(st.permutations(order))
    if experiment.tests is None:
        order = [test for test in order if draw(st.integers(0, 9))]
    return run(experiment, {test: draw(statuses) for test in order})


def kinds(*runs: Run) -> dict[str, Instability]:
    """Give the kind of each suspicion by its test."""
    return {suspicion.test: suspicion.kind for suspicion in classify(runs)}


def only(*runs: Run) -> Suspicion:
    """Give the one suspicion that the runs raise."""
    (suspicion,) = classify(runs)
    return suspicion


# Failures now and then, and failures for two reasons


def again(failures: int, times: int) -> list[Run]:
    """Run the same order several times, with the victim failing in some."""
    seen = [FAILED] * failures + [PASSED] * (times - failures)
    return [
        run(declared(number), {"polluter": PASSED, "victim": status})
        for number, status in enumerate(seen)
    ]


def test_what_fails_now_and_then_but_never_alone_is_an_intermittent_victim() -> None:
    by_itself = [run(alone("victim", number), {"victim": PASSED}) for number in range(30)]

    found = only(*again(8, 20), *by_itself)

    assert (found.kind, found.rate) == (Instability.VICTIM, 0.4)


@pytest.mark.parametrize(("behind", "times_alone"), [(1, 30), (8, 2)])
def test_too_few_runs_leave_it_to_chance(behind: int, times_alone: int) -> None:
    by_itself = [run(alone("victim", number), {"victim": PASSED}) for number in range(times_alone)]

    assert only(*again(behind, 20), *by_itself).kind is Instability.NON_DETERMINISTIC


def test_what_fails_now_and_then_alone_as_well_is_chance() -> None:
    by_itself = [run(alone("victim", number), {"victim": PASSED}) for number in range(30)]
    once = run(alone("victim", 30), {"victim": FAILED})

    assert only(*again(8, 20), *by_itself, once).kind is Instability.NON_DETERMINISTIC


def test_a_coin_is_not_taken_for_the_hash_seed_because_few_runs_agree() -> None:
    """By itself each hash seed had one outcome; beside others the same hash seed had both."""
    found = only(
        run(concurrent(declared(1)), {"a": FAILED}),
        run(concurrent(declared(2)), {"a": PASSED}),
        run(declared(3), {"a": FAILED}),
        run(declared(4, hash_seed=1), {"a": PASSED}),
    )

    assert found.kind is Instability.NON_DETERMINISTIC


def failing(order: tuple[str, ...], message: str) -> Run:
    """Run an order at the end of which the victim fails."""
    tests = {test: outcome(test) for test in order}
    return run(shuffled(len(message)), tests | {"v": outcome("v", FAILED, message)})


def test_a_victim_with_two_reasons_is_suspected_for_each() -> None:
    suspected = classify(
        [
            failing(("a", "b"), "the mode was set"),
            failing(("b", "a"), "the size was set"),
            run(alone("v"), {"v": PASSED}),
        ]
    )

    assert [(each.kind, each.reason, each.failures) for each in suspected] == [
        (Instability.VICTIM, "the mode was set", 1),
        (Instability.VICTIM, "the size was set", 1),
    ]


def test_a_reason_that_changes_under_the_same_conditions_is_no_reason() -> None:
    first, second = failing(("a",), "one thing"), failing(("a",), "another thing")

    found = only(first, second, run(alone("v"), {"v": PASSED}))

    assert (found.reason, found.failures) == ("", 2)


# What is no instability


def test_equal_outcomes_raise_no_suspicion() -> None:
    seen = {
        "a": PASSED,
        "b": Status.SKIPPED,
        "c": Status.XFAILED,
        "d": Status.XPASSED,
    }

    assert classify([run(declared(1), seen), run(shuffled(3), seen), run(parallel(), seen)]) == ()


@given(whole_runs(st.just(PASSED)))
def test_a_suite_that_passes_wherever_it_is_collected_is_never_said_to_fail(
    runs: list[Run],
) -> None:
    """What differs then is where it is collected: the odd ones are the runs that miss a test, or that have it."""
    assert {suspicion.message for suspicion in classify(runs)} <= {"not collected", "passed"}


@given(
    st.lists(st.sampled_from([*map(declared, range(5)), *map(shuffled, range(5))]), min_size=1),
    st.lists(STATUSES.filter(lambda status: status not in {*BAD, NOT_RUN}), min_size=3, max_size=3),
)
def test_tests_that_always_do_the_same_are_never_suspected(
    experiments: list[Experiment], statuses: list[Status]
) -> None:
    seen = dict(zip(TESTS, statuses, strict=True))

    assert classify([run(experiment, seen) for experiment in experiments]) == ()


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


# Chance


def test_different_outcomes_under_identical_conditions_are_chance() -> None:
    runs = (run(declared(1), {"a": PASSED}), run(declared(2), {"a": FAILED}))

    assert only(*runs).kind is Instability.NON_DETERMINISTIC


@pytest.mark.parametrize(
    "status", [Status.SKIPPED, Status.XFAILED, Status.XPASSED], ids=["skip", "xfail", "xpass"]
)
def test_a_test_that_passes_or_not_by_chance_is_unstable_without_a_failure(status: Status) -> None:
    runs = (*(run(declared(n), {"a": PASSED}) for n in (1, 2)), run(declared(3), {"a": status}))

    suspicion = only(*runs)

    assert suspicion.kind is Instability.NON_DETERMINISTIC
    assert (suspicion.message, suspicion.failing) == (status.value, ("declared #3",))


def test_chance_is_never_also_called_a_victim() -> None:
    """It failed in a shuffle as well, but the two equal runs have settled what it is."""
    order = {"b": PASSED, "a": FAILED}
    runs = (
        run(declared(1), {"a": PASSED, "b": PASSED}),
        run(declared(2), {"a": FAILED, "b": PASSED}),
        run(shuffled(3), order),
    )

    assert kinds(*runs) == {"a": Instability.NON_DETERMINISTIC}


def test_another_order_is_another_condition() -> None:
    runs = (
        run(declared(1), {"a": PASSED, "b": PASSED}),
        run(replace(shuffled(3), plugins=frozenset()), {"b": PASSED, "a": FAILED}),
    )

    assert kinds(*runs) == {"a": Instability.VICTIM}


def test_the_same_order_with_another_plugin_at_work_is_another_condition() -> None:
    """pytest-randomly also resets random number generators: its runs are compared among themselves."""
    runs = (run(declared(1), {"a": PASSED}), run(shuffled(3), {"a": FAILED}))

    assert kinds(*runs) == {"a": Instability.VICTIM}


@given(whole_runs())
def test_chance_needs_two_serial_runs_in_one_order_with_one_hash_seed(runs: list[Run]) -> None:
    for suspicion in classify(runs):
        if suspicion.kind is not Instability.NON_DETERMINISTIC:
            continue
        turns = [
            turn
            for turn in turns_of(runs)[suspicion.test]
            if turn.run.experiment.kind is not Kind.PARALLEL
        ]
        places = [
            (
                turn.run.experiment.hash_seed,
                turn.run.experiment.plugins,
                (turn.run.experiment.tests, turn.run.experiment.concurrent),
                turn.outcome.bad or turn.outcome.status,
            )
            for turn in turns
        ]
        assert any(
            one[:3] == other[:3] and one[3] != other[3] for one in places for other in places
        )


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


# Laws


@given(whole_runs(), st.randoms(use_true_random=False))
def test_the_order_in_which_runs_end_does_not_matter(runs: list[Run], shuffler: Random) -> None:
    mixed = list(runs)
    shuffler.shuffle(mixed)

    assert kinds(*mixed) == kinds(*runs)


@given(whole_runs())
def test_runs_and_failures_add_up(runs: list[Run]) -> None:
    table = turns_of(runs)

    for suspicion in classify(runs):
        assert suspicion.runs == len(table[suspicion.test])
        assert 0 < suspicion.failures == len(suspicion.failing) <= suspicion.runs
        assert (suspicion.failures == suspicion.runs) == (suspicion.opposite is None)
        assert suspicion.example.experiment.label == suspicion.failing[0]


@given(whole_runs())
def test_every_failure_is_accounted_for(runs: list[Run]) -> None:
    bad = {each.test for seen in runs for each in seen.outcomes if each.bad}

    assert bad <= kinds(*runs).keys()


@given(whole_runs())
def test_broken_means_in_every_run(runs: list[Run]) -> None:
    table = turns_of(runs)

    for suspicion in classify(runs):
        if suspicion.kind is Instability.BROKEN:
            assert all(turn.outcome.bad for turn in table[suspicion.test])


@given(whole_runs())
def test_each_test_is_suspected_of_one_thing(runs: list[Run]) -> None:
    tests = [suspicion.test for suspicion in classify(runs)]

    assert len(set(tests)) == len(tests)
