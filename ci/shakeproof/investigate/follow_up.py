"""Which further runs would settle what kind of instability a suspicion is (pure)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shakeproof.investigate.classify import SESSION, in_company
from shakeproof.model import Instability, Kind
from shakeproof.orders import alone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shakeproof.model import Experiment, Run, Suspicion

ALONE_TIMES = 3
REPLAY_TIMES = 3
SETTLED = frozenset(
    {
        Instability.NON_DETERMINISTIC,
        Instability.NON_IDEMPOTENT,
        Instability.CRASH,
        Instability.HANG,
    }
)
MOST_TESTS = 20  # so many suspicions are followed up; a suite with more has one illness, not many


def follow_ups(suspicions: Sequence[Suspicion], made: Iterable[Run] = ()) -> tuple[Experiment, ...]:
    """Plan each test alone, to tell victim from brittle, and each bad run again, to tell either from chance.

    What was `made` already is left out: asked again after those runs, this plans what they have made worth asking.
    """
    open_ones = [suspicion for suspicion in suspicions if _is_open(suspicion)][:MOST_TESTS]
    tests = (suspicion.test for suspicion in open_ones if suspicion.test != SESSION)
    solos = (experiment for test in tests for experiment in alone(test, ALONE_TIMES))
    unstable = (suspicion for suspicion in open_ones if suspicion.kind is not Instability.BROKEN)
    wanted = (*solos, *_replays(run for suspicion in unstable for run in _telling(suspicion)))
    known = frozenset(run.experiment.label for run in made)
    return tuple(experiment for experiment in wanted if experiment.label not in known)


def _is_open(suspicion: Suspicion) -> bool:
    """Tell whether more runs can change the kind: chance, seen only beside other runs, may turn out to be company."""
    by_chance = suspicion.kind is Instability.NON_DETERMINISTIC
    return suspicion.kind not in SETTLED or (by_chance and in_company(suspicion.example))


def _telling(suspicion: Suspicion) -> tuple[Run, ...]:
    """Pick the runs to repeat: one that failed, and where the hash seed is suspected also one that did not."""
    if suspicion.kind is Instability.HASH_ORDER and suspicion.opposite is not None:
        return suspicion.example, suspicion.opposite
    return (suspicion.example,)


def _replays(examples: Iterable[Run]) -> Iterable[Experiment]:
    distinct = {example.experiment.label: example for example in examples}
    for example in distinct.values():
        if example.experiment.kind is Kind.ALONE:
            continue
        for number in range(REPLAY_TIMES):
            label = f"replay #{number + 1} of {example.experiment.label}"
            yield replace(example.experiment, label=label, concurrent=False)
        for worker in sorted({outcome.worker for outcome in example.outcomes} - {""}):
            yield _without_company(example, worker)


def _without_company(example: Run, worker: str) -> Experiment:
    """Take what one worker ran, in its order, and run it with nothing beside it."""
    return replace(
        example.experiment,
        label=f"{worker} of {example.experiment.label}, by itself",
        kind=Kind.REPLAY,
        options=(),
        plugins=frozenset(),
        tests=tuple(outcome.test for outcome in example.outcomes if outcome.worker == worker),
    )
