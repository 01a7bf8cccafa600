"""Which further runs would settle what kind of instability a suspicion is (pure)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shakeproof.investigate.classify import SESSION, in_company
from shakeproof.model import Experiment, Instability, Kind
from shakeproof.orders import alone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shakeproof.model import Run, Suspicion

ALONE_TIMES = 3
REPLAY_TIMES = 3
# Enough for Fisher's test to tell a victim that fails in four of ten orders from chance.
OFTEN_ALONE, OFTEN_BEHIND = 30, 20
OFTEN_BY_ITSELF = 20
SETTLED = frozenset(
    {
        Instability.NON_DETERMINISTIC,
        Instability.NON_IDEMPOTENT,
        Instability.CRASH,
        Instability.HANG,
    }
)
MOST_TESTS = 20  # so many suspicions are followed up where no budget sets an end


def follow_ups(
    suspicions: Sequence[Suspicion],
    made: Iterable[Run] = (),
    *,
    patience: float = 0.0,
    most: int = MOST_TESTS,
) -> tuple[Experiment, ...]:
    """Plan each test alone, to tell victim from brittle, and each bad run again, to tell either from chance.

    What was `made` already is left out: asked again after those runs, this plans what they have made worth asking.
    `patience` is the time, in seconds, that may go into finding out whether failures by chance need another test before
    them. At `most` so many suspicions are followed up, unstable tests before broken ones.
    """
    by_promise = sorted(suspicions, key=lambda each: each.kind is Instability.BROKEN)
    open_ones = [suspicion for suspicion in by_promise if _is_open(suspicion)][:most]
    tests = (suspicion.test for suspicion in open_ones if suspicion.test != SESSION)
    solos = (experiment for test in tests for experiment in alone(test, ALONE_TIMES))
    unstable = (suspicion for suspicion in open_ones if suspicion.kind is not Instability.BROKEN)
    chancy = [
        each for each in suspicions if each.kind is Instability.NON_DETERMINISTIC or each.rate < 1
    ]
    patience /= max(len(chancy), 1)
    wanted = (
        *solos,
        *_replays(run for suspicion in unstable for run in _telling(suspicion)),
        *_replays(
            (each.example for each in open_ones if each.kind is Instability.NON_DETERMINISTIC),
            patience,
        ),
        *(experiment for each in chancy for experiment in _behind_others(each, patience)),
    )
    known = frozenset(run.experiment.label for run in made)
    distinct = {experiment.label: experiment for experiment in wanted}
    return tuple(each for label, each in distinct.items() if label not in known)


def _is_open(suspicion: Suspicion) -> bool:
    """Tell whether more runs can change the kind: chance, seen only beside other runs, may turn out to be company."""
    if suspicion.kind is Instability.NON_DETERMINISTIC:
        return in_company(suspicion.example)
    return suspicion.kind not in SETTLED and suspicion.rate == 1


def _behind_others(suspicion: Suspicion, patience: float) -> tuple[Experiment, ...]:
    """Plan what tells an intermittent victim from chance: often with nothing before it, then often behind others."""
    if not suspicion.passed_first or not patience:
        return ()
    solos = alone(suspicion.test, OFTEN_ALONE)
    order = suspicion.example.order
    if suspicion.test not in order:
        return ()
    beginning = order[: order.index(suspicion.test) + 1]
    times = min(OFTEN_BEHIND, int(patience / max(suspicion.example.seconds, 0.001)))
    if suspicion.passed_first < OFTEN_ALONE or len(beginning) == 1:
        return solos
    return tuple(
        Experiment(
            label=f"again #{number + 1} up to {suspicion.test}",
            kind=Kind.REPLAY,
            tests=beginning,
            hash_seed=suspicion.example.experiment.hash_seed,
        )
        for number in range(times)
    )


def _telling(suspicion: Suspicion) -> tuple[Run, ...]:
    """Pick the runs to repeat: one that failed, and where the hash seed is suspected also one that did not."""
    if suspicion.kind is Instability.HASH_ORDER and suspicion.opposite is not None:
        return suspicion.example, suspicion.opposite
    return (suspicion.example,)


def _replays(examples: Iterable[Run], patience: float = 0.0) -> Iterable[Experiment]:
    """Plan the same runs again by themselves; as often as it takes to tell chance from company, if there is time."""
    distinct = {example.experiment.label: example for example in examples}
    for example in distinct.values():
        if example.experiment.kind is Kind.ALONE:
            continue
        affordable = min(OFTEN_BY_ITSELF, int(patience / max(example.seconds, 0.001)))
        for number in range(max(REPLAY_TIMES, affordable)):
            label = f"replay #{number + 1} of {example.experiment.label}"
            # Workers go on beside each other; everything else is now by itself.
            spread = example.experiment.kind is Kind.PARALLEL
            kind = Kind.PARALLEL if spread else Kind.REPLAY
            yield replace(
                example.experiment,
                label=label,
                kind=kind,
                concurrent=False,
                shares_temporary=False,
            )
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
