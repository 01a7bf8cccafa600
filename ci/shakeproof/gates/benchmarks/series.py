"""Measuring in rounds until every benchmark is decided, and measuring again who looks slower.

Knows nothing of processes: it is handed a function that measures.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks.judge import judge_again, judge_look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from shakeproof.gates.benchmarks.judge import Judgement, Round
    from shakeproof.gates.benchmarks.plan import Effort, RoundPlan
    from shakeproof.gates.verdict import Answer

# Which benchmarks, in which round: how each came out, by name.
Measure: TypeAlias = "Callable[[Sequence[str], RoundPlan], Mapping[str, Round]]"
Judged: TypeAlias = "tuple[Judgement, tuple[Round, ...]]"  # what was judged, and by which rounds


@dataclass(frozen=True)
class Decision:
    """What was found out about one benchmark."""

    name: str
    answer: Answer
    tolerance: float
    judgement: Judgement  # the one that decided
    first: Judgement  # of the first series
    rounds: tuple[Round, ...]  # of the series that decided

    @property
    def confirmed(self) -> bool:
        """Whether it looked slower and was measured again."""
        return self.judgement is not self.first


def decide(
    tolerances: Mapping[str, float],
    measure: Measure,
    plans: Iterator[RoundPlan],
    effort: Effort,
    say: Callable[[str], None],
) -> tuple[Decision, ...]:
    """Decide about each benchmark, given by name with its tolerance; `judge` says how."""

    def once(name: str, rounds: Sequence[Round]) -> Judgement:
        return judge_look(rounds, tolerances[name], len(effort.looks))

    def twice(name: str, rounds: Sequence[Round]) -> Judgement:
        return judge_again(rounds, tolerances[name], len(effort.second), len(nominated))

    gather = partial(_gather, measure, plans)
    first = _series(tuple(tolerances), effort.looks, once, gather, say)
    nominated = [name for name, (judgement, _) in first.items() if judgement.state == "slower"]
    second: Mapping[str, Judged] = {}
    if nominated:
        say(f"{_benchmarks(len(nominated))} may be slower: measured again")
        second = _series(nominated, effort.second, twice, gather, say)
    return tuple(
        _decision(name, tolerances[name], first[name], second.get(name)) for name in tolerances
    )


def _series(
    names: Sequence[str],
    looks: Sequence[int],
    judge: Callable[[str, Sequence[Round]], Judgement],
    gather: Callable[[dict[str, list[Round]], Sequence[str], int], None],
    say: Callable[[str], None],
) -> Mapping[str, Judged]:
    """Measure until each is decided, or the last look is taken."""
    judged: dict[str, Judged] = {}
    rounds: dict[str, list[Round]] = {name: [] for name in names}
    open_, done = list(names), 0
    for look in looks:
        say(f"rounds {done + 1} to {look} of at most {looks[-1]}, {_benchmarks(len(open_))}")
        gather(rounds, open_, look - done)
        done = look
        judged |= {name: (judge(name, rounds[name]), tuple(rounds[name])) for name in open_}
        open_ = [name for name in open_ if judged[name][0].state in {"undecided", "noisy"}]
        if not open_:
            break
    return judged


def _gather(
    measure: Measure,
    plans: Iterator[RoundPlan],
    rounds: Mapping[str, list[Round]],
    names: Sequence[str],
    count: int,
) -> None:
    """Measure so many rounds, and put them behind those that are there."""
    for _ in range(count):
        measured = measure(names, next(plans))
        for name in names:
            if name not in measured:
                raise ShakeproofError(
                    f"{name} was measured before and now was not, so nothing is compared: see that it does not skip "
                    "itself now and then."
                )
            rounds[name].append(measured[name])


def _decision(name: str, tolerance: float, first: Judged, second: Judged | None) -> Decision:
    """Answer by the second series where there is one; the first alone lets nobody fail."""
    judgement, rounds = second or first
    answer: Answer = "inconclusive"
    if judgement.state == "pass":
        answer = "pass"
    elif judgement.state == "slower":
        answer = "fail"
    return Decision(name, answer, tolerance, judgement, first[0], rounds)


def _benchmarks(count: int) -> str:
    return f"{count} benchmark{'' if count == 1 else 's'}"
