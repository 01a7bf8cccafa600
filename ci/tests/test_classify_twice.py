"""Tests that fail when they run twice in a row, and what else each suspicion says of itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import alone, declared, outcome, parallel, run, shuffled
from judging import kinds, only

from shakeproof.investigate.classify import SESSION, classify, session_outcome
from shakeproof.model import Experiment, Instability, Kind, Outcome, Run, Status

PASSED, FAILED, NOT_RUN = Status.PASSED, Status.FAILED, Status.NOT_RUN


def twice(test: str, first: Status, second: Status, number: int = 1, message: str = "") -> Run:
    """Make a run of one test, two times in a row."""
    experiment = Experiment(f"twice #{number} {test}", Kind.TWICE, tests=(test, test), hash_seed=0)
    made = run(experiment, {test: first}, exit_status=int(Status.FAILED in {first, second}))
    return replace(made, outcomes=(*made.outcomes, outcome(test, second, message)))


def test_a_test_that_passes_and_then_fails_is_not_idempotent() -> None:
    """The suspicion counts the runs of this kind alone, names those that failed, and shows the first of them."""
    runs = (
        run(declared(1), {"a": PASSED}),
        twice("a", PASSED, PASSED, 1),
        twice("a", PASSED, FAILED, 2, "AssertionError: taken"),
        twice("a", PASSED, FAILED, 3, "AssertionError: gone"),
    )

    suspicion = only(*runs)

    assert (suspicion.test, suspicion.kind) == ("a", Instability.NON_IDEMPOTENT)
    assert (suspicion.status, suspicion.message) == (FAILED, "AssertionError: taken")
    assert (suspicion.runs, suspicion.failures) == (3, 2)
    assert suspicion.failing == ("twice #2 a", "twice #3 a")
    assert suspicion.example is runs[2]


def test_a_failure_without_words_is_named_by_its_status() -> None:
    assert only(twice("a", PASSED, FAILED)).message == "failed"


def test_each_test_that_ran_twice_is_judged_by_itself() -> None:
    runs = (twice("a", PASSED, FAILED), twice("b", PASSED, PASSED), twice("c", PASSED, FAILED))

    assert kinds(*runs) == {"a": Instability.NON_IDEMPOTENT, "c": Instability.NON_IDEMPOTENT}


@pytest.mark.parametrize(("first", "second"), [(FAILED, FAILED), (FAILED, PASSED)])
def test_a_test_that_fails_at_once_is_not_called_so(first: Status, second: Status) -> None:
    """It fails whether it ran before or not."""
    assert kinds(twice("a", first, second)) == {"a": Instability.BROKEN}


def test_a_run_that_ended_after_the_first_turn_says_nothing_of_a_second() -> None:
    half = run(Experiment("twice #1 a", Kind.TWICE, tests=("a", "a"), hash_seed=0), {"a": PASSED})

    assert classify([half]) == ()


def test_only_the_first_of_two_turns_is_compared_with_other_runs() -> None:
    """The second comes after the test itself, which no other run has."""
    runs = (run(declared(1), {"a": PASSED}), twice("a", PASSED, FAILED))

    assert kinds(*runs) == {"a": Instability.NON_IDEMPOTENT}


def test_chance_is_not_also_called_something_else() -> None:
    """A test that fails by chance may well do so the second time."""
    by_chance = (run(declared(1), {"a": PASSED}), run(declared(2), {"a": FAILED}))

    assert kinds(*by_chance, twice("a", PASSED, FAILED), twice("b", PASSED, FAILED)) == {
        "a": Instability.NON_DETERMINISTIC,
        "b": Instability.NON_IDEMPOTENT,
    }


def test_tests_that_only_pass_have_no_row_beside_those_that_do_not() -> None:
    """A test that had no turn anywhere is no suspect because of it."""
    runs = (
        run(declared(1), {"a": PASSED, "b": FAILED, "c": NOT_RUN}, exit_status=1),
        run(declared(2), {"a": PASSED, "b": PASSED, "c": NOT_RUN}, exit_status=0),
    )

    assert set(kinds(*runs)) == {"b", SESSION}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            run(declared(), {}, collection_errors=("E1", "E2")),
            Outcome(SESSION, Status.ERROR, "E1"),
        ),
        (
            run(declared(), {"a": Status.CRASHED}, exit_status=-11),
            Outcome(SESSION, Status.PASSED),
        ),
        (
            run(declared(), {"a": PASSED}, exit_status=3),
            Outcome(SESSION, Status.CRASHED, "pytest ended with status 3"),
        ),
        (
            run(declared(), {"a": PASSED, "b": NOT_RUN}),
            Outcome(SESSION, Status.CRASHED, "pytest stopped before every test had its turn"),
        ),
        (run(declared(), {"a": FAILED}), Outcome(SESSION, Status.PASSED)),
    ],
    ids=["collection", "crash of a test", "exit status", "stopped", "ordinary"],
)
def test_a_run_is_judged_apart_from_its_tests(made: Run, expected: Outcome) -> None:
    """Each way to end has its outcome and its words."""
    assert session_outcome(made) == expected


def test_a_victim_that_passed_first_says_how_often() -> None:
    """Runs in which nothing came before it are what speaks for the others being the reason."""
    runs = (
        run(alone("v", 1), {"v": PASSED}),
        run(alone("v", 2), {"v": PASSED}),
        run(declared(1), {"p": PASSED, "v": FAILED}),
        run(declared(2), {"p": PASSED, "v": FAILED}),
        run(shuffled(1), {"v": PASSED, "p": PASSED}),
    )

    suspicion = only(*runs)

    assert (suspicion.kind, suspicion.passed_first) == (Instability.VICTIM, 3)
    assert (suspicion.status, suspicion.rate) == (FAILED, 1.0)


def test_a_test_that_failed_first_has_not_passed_first() -> None:
    runs = (
        run(alone("b"), {"b": FAILED}),
        run(declared(1), {"s": PASSED, "b": PASSED}),
    )

    suspicion = only(*runs)

    assert (suspicion.kind, suspicion.passed_first) == (Instability.BRITTLE, 0)


def reasons(*messages: str) -> tuple[Run, ...]:
    """Make runs in orders of their own, in each of which `v` fails with other words, and one in which it passes."""
    failing = (
        run(
            shuffled(number),
            {"p": PASSED, "v": outcome("v", FAILED, message)},
            collected=(f"p{number}", "p", "v"),
        )
        for number, message in enumerate(messages)
    )
    return (run(alone("v"), {"v": PASSED}), *failing)


@pytest.mark.parametrize(
    ("words", "suspicions"),
    [
        (("KeyError: 'a'",), [""]),
        (("KeyError: 'a'", "OSError: b"), ["KeyError", "OSError"]),
        (("A: 1", "B: 2", "C: 3"), ["A", "B", "C"]),
        (("A: 1", "B: 2", "C: 3", "D: 4"), [""]),
    ],
    ids=["one", "two", "three", "more than three are changing words"],
)
def test_up_to_three_reasons_are_suspicions_of_their_own(
    words: tuple[str, ...], suspicions: list[str]
) -> None:
    """Each says how its failure reads, and counts only the failures that read so."""
    found = [each for each in classify(reasons(*words)) if each.test == "v"]

    assert len(found) == len(suspicions)
    assert [each.reason.partition(":")[0] for each in found] == suspicions
    assert [each.failures for each in found] == [len(words) // len(suspicions)] * len(suspicions)


def test_reasons_that_tell_no_kinds_apart_stay_one_suspicion() -> None:
    """Failing beside others for two reasons is being unsafe beside others, once."""
    runs = (
        *(run(declared(number), {"a": PASSED, "b": PASSED}) for number in (1, 2, 3)),
        *(
            run(
                replace(parallel(number), options=("-n", str(number))),
                {"a": PASSED, "b": outcome("b", FAILED, message)},
                collected=(f"a{number}", "a", "b"),
            )
            for number, message in ((2, "A: 1"), (3, "B: 2"))
        ),
    )

    suspicion = only(*runs)

    assert (suspicion.kind, suspicion.reason) == (Instability.PARALLEL_UNSAFE, "")


def test_no_turn_is_not_a_turn_that_went_well() -> None:
    """A test that fails whenever it has its turn is broken, though a crash once took the turn away."""
    runs = (
        run(declared(1), {"x": PASSED, "a": FAILED}),
        run(declared(2), {"x": Status.CRASHED, "a": NOT_RUN}, exit_status=-11),
    )

    assert kinds(*runs) == {"x": Instability.CRASH, "a": Instability.BROKEN}
