"""Values for tests: each function makes one, with everything ordinary but what its arguments say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shakeproof.model import (
    Evidence,
    Experiment,
    Finding,
    Instability,
    Kind,
    Outcome,
    Report,
    Run,
    RunSummary,
    Status,
    Suite,
    Suspicion,
    Timing,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = Path("/project")


def outcome(test: str, status: Status = Status.PASSED, message: str | None = None) -> Outcome:
    """Make an outcome; a test that fails says `AssertionError` unless told otherwise."""
    failed = status in {Status.FAILED, Status.ERROR}
    return Outcome(
        test, status, ("AssertionError" if failed else "") if message is None else message
    )


def declared(number: int = 1, *, hash_seed: int | None = 0) -> Experiment:
    """Plan a run in the declared order."""
    return Experiment(f"declared #{number}", Kind.DECLARED, hash_seed=hash_seed)


def shuffled(seed: int) -> Experiment:
    """Plan a run shuffled by pytest-randomly."""
    return Experiment(
        f"seed {seed}",
        Kind.SHUFFLED,
        options=(f"--randomly-seed={seed}",),
        plugins=frozenset({"randomly"}),
        seed=seed,
        hash_seed=0,
    )


def concurrent(experiment: Experiment) -> Experiment:
    """Plan the same run with others beside it."""
    return replace(experiment, concurrent=True)


def parallel(number: int = 1) -> Experiment:
    """Plan a run spread over two workers."""
    return Experiment(
        f"parallel #{number}",
        Kind.PARALLEL,
        options=("-n", "2", "--dist", "loadfile"),
        plugins=frozenset({"xdist"}),
        hash_seed=0,
    )


def alone(test: str, number: int = 1) -> Experiment:
    """Plan a run of one test by itself."""
    return Experiment(f"alone #{number} {test}", Kind.ALONE, tests=(test,), hash_seed=0)


def run(
    experiment: Experiment,
    outcomes: Mapping[str, Status | Outcome],
    *,
    collected: tuple[str, ...] | None = None,
    exit_status: int | None = None,
    collection_errors: tuple[str, ...] = (),
    positional: tuple[str, ...] = (),
    plugins: tuple[str, ...] = (),
    rootdir: Path = PROJECT,
) -> Run:
    """Make a run in which the tests did this, in this order; they are also what was collected."""
    seen = tuple(
        value if isinstance(value, Outcome) else outcome(test, value)
        for test, value in outcomes.items()
    )
    if exit_status is None:
        exit_status = int(any(each.bad for each in seen))
    return Run(
        experiment=experiment,
        outcomes=seen,
        collected=tuple(outcomes) if collected is None else collected,
        seconds=1.5,
        exit_status=exit_status,
        collection_seconds=0.5,
        collection_errors=collection_errors,
        pytest="9.2.0",
        python="3.11.7",
        rootdir=rootdir,
        positional=positional,
        plugins=frozenset(plugins),
    )


def by_worker(seen: Run, workers: Mapping[str, str]) -> Run:
    """Say which worker ran which test."""
    spread = tuple(replace(each, worker=workers[each.test]) for each in seen.outcomes)
    return replace(seen, outcomes=spread)


def suspicion(
    test: str,
    kind: Instability,
    example: Run,
    *,
    message: str = "AssertionError",
    status: Status = Status.FAILED,
) -> Suspicion:
    """Make a suspicion that rests on one run."""
    return Suspicion(
        test=test,
        kind=kind,
        status=status,
        message=message,
        runs=2,
        failures=1,
        failing=(example.experiment.label,),
        example=example,
    )


def finding(
    kind: Instability = Instability.VICTIM,
    *,
    test: str = "test_a.py::test_it",
    confirmed: bool = True,
    tries: int = 1,
    message: str = "AssertionError: assert 'fast' == 'safe'",
) -> Finding:
    """Make a finding."""
    return Finding(
        id="F1",
        test=test,
        kind=kind,
        status=Status.FAILED,
        message=message,
        runs=7,
        failures=2,
        failing=("seed 3", "seed 5"),
        reproduce=f"python -m pytest -p no:randomly {test}",
        replay=Experiment("confirm F1", Kind.REPLAY, arguments=("-p", "no:randomly", test)),
        copies=1,
        confirmed=confirmed,
        tries=tries,
        shown=int(confirmed),
        culprits=(("test_a.py::test_other",),),
        cleaners=("test_a.py::test_cleans",),
    )


def report(
    verdict: Verdict, *findings: Finding, incomplete: tuple[str, ...] = (), label: str = "seed 3"
) -> Report:
    """Make a report of 7 runs, one of which is listed."""
    return Report(
        verdict=verdict,
        suite=Suite(
            rootdir=".",
            folder="/project",
            interpreter="python3",
            python="3.11.7",
            pytest="9.2.0",
            tests=1234,
            seed=99,
        ),
        evidence=Evidence(
            experiments=(("declared", 5), ("shuffled", 2)),
            test_runs=8638,
            pairs_covered=0.0,
            order_pairs_seen=0.75,
            failure_rate_below=0.348168,
            confidence=0.95,
            unseen_unstable=1.5,
            incomplete=incomplete,
        ),
        findings=findings,
        timing=Timing(
            seconds=12.345,
            limit=8.1,
            collection=0.9,
            stages=(("shuffles", 5.004), ("repeats", 4.0)),
        ),
        runs=(
            RunSummary(
                label=label,
                kind="shuffled",
                seed=3,
                hash_seed=None,
                exit_status=1,
                seconds=2.04,
                tests=1234,
                failures=1,
            ),
        ),
    )
