"""Measuring in rounds until every benchmark is decided, and measuring again who looks slower.

Knows nothing of processes: it is handed a function that measures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks.judge import Round, judge_again, judge_look

if TYPE_CHECKING:
    from shakeproof.gates.benchmarks.judge import Judgement
    from shakeproof.gates.benchmarks.plan import Arm, Effort, RoundPlan
    from shakeproof.gates.verdict import Answer

# Which benchmarks, in which round: of each arm the smallest seconds of each, by name.
Measure: TypeAlias = "Callable[[Sequence[str], RoundPlan], Mapping[Arm, Mapping[str, float]]]"
Rounds: TypeAlias = Mapping[str, Sequence[Round]]


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
    first: dict[str, Judgement] = {}
    rounds: dict[str, list[Round]] = {name: [] for name in tolerances}
    open_ = list(tolerances)
    done = 0
    for look in effort.looks:
        say(f"rounds {done + 1} to {look} of at most {effort.looks[-1]}, {_benchmarks(len(open_))}")
        _gather(rounds, open_, measure, plans, look - done)
        done = look
        first |= {
            name: judge_look(rounds[name], tolerances[name], len(effort.looks)) for name in open_
        }
        open_ = [name for name in open_ if first[name].state in {"undecided", "noisy"}]
        if not open_:
            break
    nominated = [name for name, judgement in first.items() if judgement.state == "slower"]
    again: dict[str, list[Round]] = {name: [] for name in nominated}
    if nominated:
        say(
            f"{_benchmarks(len(nominated))} may be slower: measured again, over {effort.second} rounds"
        )
        _gather(again, nominated, measure, plans, effort.second)
    return tuple(
        _second(name, tolerances[name], first[name], again[name], len(nominated))
        if name in again
        else _first(name, tolerances[name], first[name], rounds[name])
        for name in tolerances
    )


def _gather(
    rounds: Mapping[str, list[Round]],
    names: Sequence[str],
    measure: Measure,
    plans: Iterator[RoundPlan],
    count: int,
) -> None:
    for _ in range(count):
        times = measure(names, next(plans))
        for name in names:
            try:
                one = Round(times["base"][name], times["head"][name], times["again"][name])
            except KeyError as error:
                raise ShakeproofError(
                    f"{name} was measured before and now was not, so nothing is compared: see that it does not skip "
                    "itself now and then."
                ) from error
            rounds[name].append(one)


def _first(name: str, tolerance: float, judgement: Judgement, rounds: Sequence[Round]) -> Decision:
    answer: Answer = "pass" if judgement.state == "pass" else "inconclusive"
    return Decision(name, answer, tolerance, judgement, judgement, tuple(rounds))


def _second(
    name: str, tolerance: float, first: Judgement, rounds: Sequence[Round], nominated: int
) -> Decision:
    judgement = judge_again(rounds, tolerance, nominated)
    answer: Answer = "inconclusive"
    if judgement.state == "slower":
        answer = "fail"
    elif judgement.state == "pass":
        answer = "pass"
    return Decision(name, answer, tolerance, judgement, first, tuple(rounds))


def _benchmarks(count: int) -> str:
    return f"{count} benchmark{'' if count == 1 else 's'}"
