"""Which further runs are made to settle a suspicion."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import alone, by_worker, declared, parallel, run, shuffled, suspicion

from shakeproof.investigate.classify import SESSION
from shakeproof.investigate.follow_up import (
    ALONE_TIMES,
    MOST_TESTS,
    OFTEN_ALONE,
    OFTEN_BEHIND,
    REPLAY_TIMES,
    follow_ups,
)
from shakeproof.model import Experiment, Instability, Kind, Status, Suspicion

PASSED, FAILED = Status.PASSED, Status.FAILED
ORDER = {"b": PASSED, "a": FAILED}


def planned(kind: Kind, *suspicions: Suspicion) -> list[Experiment]:
    return [each for each in follow_ups(suspicions) if each.kind is kind]


def test_nothing_suspected_needs_nothing_further() -> None:
    assert follow_ups([]) == ()


def test_what_is_settled_needs_nothing_further() -> None:
    settled = (Instability.NON_DETERMINISTIC, Instability.CRASH, Instability.HANG)

    assert follow_ups([suspicion("a", kind, run(declared(), ORDER)) for kind in settled]) == ()


def test_a_suspect_is_run_alone_and_its_bad_run_again() -> None:
    victim = suspicion("a", Instability.VICTIM, run(shuffled(3), ORDER))

    assert [each.tests for each in planned(Kind.ALONE, victim)] == [("a",)] * ALONE_TIMES
    replays = planned(Kind.REPLAY, victim)
    assert len(replays) == REPLAY_TIMES
    for replay in replays:
        assert (replay.options, replay.plugins, replay.hash_seed) == (
            shuffled(3).options,
            shuffled(3).plugins,
            shuffled(3).hash_seed,
        )


def test_a_copy_that_runs_again_by_itself_has_its_own_temporary_folder() -> None:
    """What it left there before would be another reason to fail."""
    sharing = replace(declared(), concurrent=True, shares_temporary=True)
    unsafe = suspicion("a", Instability.PARALLEL_UNSAFE, run(sharing, ORDER))

    replays = planned(Kind.REPLAY, unsafe)

    assert len(replays) == REPLAY_TIMES
    assert not any(each.shares_temporary or each.concurrent for each in replays)


def test_a_bad_run_is_repeated_once_for_all_the_tests_it_accuses() -> None:
    bad = run(shuffled(3), {"a": FAILED, "b": FAILED})
    suspects = [suspicion(test, Instability.VICTIM, bad) for test in ("a", "b")]

    assert len(planned(Kind.REPLAY, *suspects)) == REPLAY_TIMES
    assert len(planned(Kind.ALONE, *suspects)) == 2 * ALONE_TIMES


def test_a_broken_test_is_run_alone_only() -> None:
    """It may turn out to pass there; running everything again would show nothing new."""
    broken = suspicion("a", Instability.BROKEN, run(declared(), ORDER))

    assert {each.kind for each in follow_ups([broken])} == {Kind.ALONE}


def test_what_a_worker_ran_is_run_again_without_company() -> None:
    spread = by_worker(
        run(parallel(), {"a": PASSED, "c": PASSED, "b": FAILED}),
        {"a": "gw0", "b": "gw0", "c": "gw1"},
    )
    unsafe = suspicion("b", Instability.PARALLEL_UNSAFE, spread)

    by_themselves = planned(Kind.REPLAY, unsafe)

    assert [each.tests for each in by_themselves] == [("a", "b"), ("c",)]
    assert {(each.options, each.plugins) for each in by_themselves} == {((), frozenset())}
    assert len(planned(Kind.PARALLEL, unsafe)) == REPLAY_TIMES


def test_a_session_is_repeated_but_never_run_alone() -> None:
    session = suspicion(SESSION, Instability.VICTIM, run(shuffled(3), ORDER))

    assert {each.kind for each in follow_ups([session])} == {Kind.REPLAY}


def test_what_failed_beside_a_copy_of_the_suite_is_run_by_itself() -> None:
    beside = Experiment("copy 1 of 2", Kind.CONCURRENT, concurrent=True)
    unsafe = suspicion("a", Instability.PARALLEL_UNSAFE, run(beside, ORDER))

    replays = planned(Kind.REPLAY, unsafe)

    assert [each.concurrent for each in replays] == [False] * REPLAY_TIMES


def test_chance_is_told_from_an_intermittent_victim_first_alone_then_behind_others() -> None:
    chance = suspicion("a", Instability.NON_DETERMINISTIC, run(declared(), ORDER))

    alone_first = follow_ups([replace(chance, passed_first=1)], patience=60)
    behind = follow_ups([replace(chance, passed_first=OFTEN_ALONE)], patience=60)

    assert [each.tests for each in alone_first] == [("a",)] * OFTEN_ALONE
    assert [each.tests for each in behind] == [("b", "a")] * OFTEN_BEHIND


@pytest.mark.parametrize(("passed_first", "patience"), [(0, 60.0), (1, 0.0)])
def test_chance_stays_chance_where_it_fails_alone_or_nobody_has_the_time(
    passed_first: int, patience: float
) -> None:
    chance = suspicion("a", Instability.NON_DETERMINISTIC, run(declared(), ORDER))

    assert follow_ups([replace(chance, passed_first=passed_first)], patience=patience) == ()


def test_a_session_that_fails_by_chance_stands_behind_no_test() -> None:
    chance = suspicion(SESSION, Instability.NON_DETERMINISTIC, run(declared(), ORDER))

    assert follow_ups([replace(chance, passed_first=OFTEN_ALONE)], patience=60) == ()


def test_a_run_of_one_test_is_not_repeated_further() -> None:
    brittle = suspicion("a", Instability.BRITTLE, run(alone("a"), {"a": FAILED}))

    assert len(follow_ups([brittle])) == ALONE_TIMES


def test_a_suite_with_many_suspects_costs_no_more_than_one_with_some() -> None:
    bad = run(shuffled(3), ORDER)
    suspects = [suspicion(f"test_{n}", Instability.VICTIM, bad) for n in range(10 * MOST_TESTS)]

    assert len(planned(Kind.ALONE, *suspects)) == MOST_TESTS * ALONE_TIMES


def test_every_further_run_has_its_own_label() -> None:
    spread = by_worker(run(parallel(), {"a": PASSED, "b": FAILED}), {"a": "gw0", "b": "gw1"})
    suspects = [
        suspicion("a", Instability.VICTIM, run(shuffled(3), ORDER)),
        suspicion("b", Instability.PARALLEL_UNSAFE, spread),
    ]
    labels = [each.label for each in follow_ups(suspects)]

    assert len(set(labels)) == len(labels)
