"""How the gate goes through its rounds, with a function in the place of processes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks.judge import Round
from shakeproof.gates.benchmarks.plan import ARMS, Effort, round_plans
from shakeproof.gates.benchmarks.series import decide

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shakeproof.gates.benchmarks.plan import Arm, RoundPlan
    from shakeproof.gates.benchmarks.series import Decision

EFFORT = Effort(looks=(6, 9), second=(6, 9))
STEADY, SLOWER, WILD = "a.py::test_steady", "a.py::test_slower", "a.py::test_wild"


class Bench:
    """Hands out times, and remembers what it was asked for."""

    def __init__(self, times: Mapping[str, Callable[[Arm, int], float]]) -> None:
        self.times = times
        self.asked: list[tuple[tuple[str, ...], RoundPlan]] = []
        self.counts: Counter[str] = Counter()

    def measure(self, names: Sequence[str], plan: RoundPlan) -> dict[str, Round]:
        self.asked.append((tuple(names), plan))
        self.counts.update(names)
        return {
            name: Round.of_minima(*(self.times[name](arm, self.counts[name]) for arm in ARMS))
            for name in names
        }


def steady(_: Arm, number: int) -> float:
    return 1 + number % 3 / 1000


def slower(arm: Arm, number: int) -> float:
    return steady(arm, number) * (1.1 if arm == "head" else 1)


def wild(arm: Arm, number: int) -> float:
    return (0.8, 1.25, 0.9, 1.1, 1.0)[number % 5] if arm == "head" else steady(arm, number)


def slower_at_first(arm: Arm, number: int) -> float:
    return slower(arm, number) if number <= EFFORT.looks[0] else steady(arm, number)


def slower_then_wild(arm: Arm, number: int) -> float:
    return (slower if number <= EFFORT.looks[0] else wild)(arm, number)


def decided(bench: Bench) -> dict[str, Decision]:
    tolerances = dict.fromkeys(bench.times, 0.05)
    decisions = decide(tolerances, bench.measure, round_plans(1), EFFORT, lambda _: None)
    return {each.name: each for each in decisions}


def test_each_benchmark_gets_its_answer() -> None:
    """Equal is a pass, slower a failure, and what changes with every process cannot be told."""
    found = decided(Bench({STEADY: steady, SLOWER: slower, WILD: wild}))

    assert {name: each.answer for name, each in found.items()} == {
        STEADY: "pass",
        SLOWER: "fail",
        WILD: "inconclusive",
    }
    assert found[SLOWER].judgement.change.ratio == pytest.approx(1.1, abs=0.01)


def test_who_is_decided_is_measured_no_longer() -> None:
    """A pass ends at the first look, doubt at the last one, and the slow are measured again, alone."""
    bench = Bench({STEADY: steady, SLOWER: slower, WILD: wild})

    decided(bench)

    assert bench.counts == {STEADY: 6, SLOWER: 6 + 6, WILD: 9}
    assert bench.asked[-1][0] == (SLOWER,)


def test_only_the_second_series_makes_a_failure() -> None:
    """Who looked slower once, and not again, passes."""
    found = decided(Bench({SLOWER: slower_at_first}))[SLOWER]

    assert (found.first.state, found.answer, found.confirmed) == ("slower", "pass", True)
    assert len(found.rounds) == 6


def test_a_second_series_that_decides_nothing_is_gone_through_to_its_end() -> None:
    """Doubt about what looked slower is neither a pass nor a failure."""
    found = decided(Bench({SLOWER: slower_then_wild}))[SLOWER]

    assert (found.first.state, found.answer, found.confirmed) == ("slower", "inconclusive", True)
    assert len(found.rounds) == 9


def test_each_round_has_a_plan_of_its_own() -> None:
    """No two share the order of sets and dictionaries, which could favour one side."""
    bench = Bench({STEADY: steady})

    decided(bench)

    assert len({plan.hash_seed for _, plan in bench.asked}) == 6


def test_a_benchmark_that_is_there_now_and_then_is_an_error() -> None:
    """What vanishes in the middle is not what was compared before."""
    bench = Bench({STEADY: steady})

    def forgetful(names: Sequence[str], plan: RoundPlan) -> dict[str, Round]:
        measured = bench.measure(names, plan)
        return measured if len(bench.asked) < 6 else {}

    with pytest.raises(ShakeproofError, match=f"{STEADY} was measured before and now was not"):
        decide({STEADY: 0.05}, forgetful, round_plans(1), EFFORT, lambda _: None)
