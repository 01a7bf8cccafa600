"""What holds whatever the runs were, on generated examples."""

from __future__ import annotations

from random import Random  # noqa: TC003  (Hypothesis reads the annotation)

from builders import alone, declared, parallel, run, shuffled
from hypothesis import example, given
from hypothesis import strategies as st
from judging import kinds

from shakeproof.investigate.classify import classify, turns_of
from shakeproof.model import BAD, Experiment, Instability, Kind, Run, Status

STATUSES = st.sampled_from(
    [
        Status.PASSED,
        Status.FAILED,
        Status.ERROR,
        Status.SKIPPED,
        Status.XFAILED,
        Status.XPASSED,
        Status.CRASHED,
        Status.HUNG,
        Status.NOT_RUN,
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


@given(whole_runs(st.just(Status.PASSED)))
def test_a_suite_that_passes_wherever_it_is_collected_is_never_said_to_fail(
    runs: list[Run],
) -> None:
    """What differs then is where it is collected: the odd ones are the runs that miss a test, or that have it."""
    assert {suspicion.message for suspicion in classify(runs)} <= {"not collected", "passed"}


@given(
    st.lists(st.sampled_from([*map(declared, range(5)), *map(shuffled, range(5))]), min_size=1),
    st.lists(
        STATUSES.filter(lambda status: status not in {*BAD, Status.NOT_RUN}), min_size=3, max_size=3
    ),
)
def test_tests_that_always_do_the_same_are_never_suspected(
    experiments: list[Experiment], statuses: list[Status]
) -> None:
    seen = dict(zip(TESTS, statuses, strict=True))

    assert classify([run(experiment, seen) for experiment in experiments]) == ()


# What a run collected is what it went through, whether it was asked for that or for everything.
@example([run(declared(0), {"a": Status.PASSED}), run(alone("a"), {"a": Status.FAILED})])
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
        assert any(
            _alike(one.run, other.run)
            and (one.outcome.bad or one.outcome.status)
            != (other.outcome.bad or other.outcome.status)
            for one in turns
            for other in turns
        )


def _alike(one: Run, other: Run) -> bool:
    """Tell whether two runs went the same way: asked for the same, or having collected the same."""
    here, there = one.experiment, other.experiment
    same_order = here.tests == there.tests or one.collected == other.collected
    circumstances = here.hash_seed, here.plugins, here.concurrent
    return same_order and circumstances == (there.hash_seed, there.plugins, there.concurrent)


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
