"""Chance, and what looks like it: failures now and then, and failures for several reasons."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import alone, concurrent, declared, outcome, run, shuffled
from judging import kinds, only

from shakeproof.investigate.classify import classify
from shakeproof.model import Instability, Run, Status

PASSED, FAILED = Status.PASSED, Status.FAILED

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
