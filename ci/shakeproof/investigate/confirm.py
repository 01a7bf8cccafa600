"""Judging the runs of a command: whether they show a suspicion, and what that makes of it (pure)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from shakeproof.investigate.classify import SESSION, session_outcome
from shakeproof.messages import reason
from shakeproof.model import Finding, Instability, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shakeproof.investigate.commands import Reproduction
    from shakeproof.model import Outcome, Run, Suspicion


class Reported(Protocol):
    """What an outcome is held against: a suspicion, or a finding of an earlier report."""

    @property
    def test(self) -> str:
        """The node id."""
        ...

    @property
    def status(self) -> Status:
        """What became of it."""
        ...

    @property
    def reason(self) -> str:
        """How its failure has to read to count; empty where the words do not matter."""
        ...


def shows(reported: Reported, run: Run) -> bool:
    """Tell whether a run of the command gave the reported outcome.

    The words of a failure count only where the test fails for several reasons: what is left of a polluter may be
    printed in another order, with other paths and addresses, in every process.
    """
    if reported.status is Status.MISSING:
        return session_outcome(run).status is Status.PASSED and reported.test not in run.collected
    if reported.test == SESSION:
        return matches(reported, session_outcome(run))
    return any(matches(reported, each) for each in run.outcomes if each.test == reported.test)


def matches(reported: Reported, outcome: Outcome) -> bool:
    """Tell whether an outcome is the reported one: the same status, a failed setup being as good as a failed test."""
    if reported.reason and reason(outcome.message) != reported.reason:
        return False
    failures = (Status.FAILED, Status.ERROR)
    return outcome.status is reported.status or (
        reported.status in failures and outcome.status in failures
    )


def alone_too(suspicion: Suspicion, counter_check: Run) -> Suspicion | None:
    """Say what a victim is whose counter-check failed in the same way; None where that does not settle it.

    Without a run of the test alone, which the budget may not have reached, a brittle test looks like a victim: it is
    seen to fail behind some tests and to pass behind others.
    """
    passed_alone = suspicion.passed_first > 0  # and now it did not: that is neither
    if (
        suspicion.kind is not Instability.VICTIM
        or passed_alone
        or not shows(suspicion, counter_check)
    ):
        return None
    passed = suspicion.opposite is not None and suspicion.opposite.came_through(suspicion.test)
    return replace(
        suspicion,
        kind=Instability.BRITTLE if passed else Instability.BROKEN,
        rate=1.0,
        culprits=(),
        cleaners=(),
        causes=(),
    )


def under_its_hash_seed(suspicion: Suspicion, tries: Sequence[Run]) -> Suspicion | None:
    """Take a test that failed under every hash seed of the laboratory, and passed under a random one, for hash-order.

    Where collecting is dear, those are two of many. None where there is nothing to try.
    """
    example = suspicion.example
    own = tuple(each for each in example.outcomes if each.test == suspicion.test)
    if not own or example.experiment.hash_seed is None or not passes_alone(suspicion, tries):
        return None
    alone = replace(example, outcomes=own[-1:])  # it needs no other test to fail
    return replace(suspicion, kind=Instability.HASH_ORDER, example=alone, opposite=tries[-1])


def passes_alone(suspicion: Suspicion, tries: Sequence[Run]) -> bool:
    """Tell whether a test that failed in every run came through by itself in fresh processes."""
    came_through = bool(tries) and all(run.came_through(suspicion.test) for run in tries)
    return suspicion.kind is Instability.BROKEN and suspicion.test != SESSION and came_through


def finding(
    suspicion: Suspicion,
    number: int,
    shown: Reproduction,
    tries: Sequence[Run],
    counter_check: Run | None = None,
    *,
    refusal: str = "",
) -> Finding:
    """Close the case: confirmed when the command gave the reported outcome in at least one of its fresh processes.

    Where there was a counter-check, it must have turned out the other way. `refusal` is what pytest said if it would
    not even run the command.
    """
    good = sum(shows(suspicion, run) for run in tries)
    countered = None if counter_check is None else counter_check.came_through(suspicion.test)
    return Finding(
        id=f"F{number}",
        test=suspicion.test,
        kind=suspicion.kind,
        status=suspicion.status,
        message=suspicion.message,
        runs=suspicion.runs,
        failures=suspicion.failures,
        failing=suspicion.failing,
        reproduce=shown.command,
        replay=shown.experiment,
        copies=shown.copies,
        confirmed=good > 0 and countered is not False,
        tries=len(tries),
        shown=good,
        passed=sum(run.came_through(suspicion.test) is True for run in tries),
        refusal=refusal,
        culprits=suspicion.culprits,
        cleaners=suspicion.cleaners,
        reason=suspicion.reason,
        rate=suspicion.rate,
        counter_check=countered,
        causes=suspicion.causes,
        beside=shown.beside,
    )
