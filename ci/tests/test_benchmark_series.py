"""How the gate goes through its rounds, with a function in the place of processes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks.plan import Effort, turns
from shakeproof.gates.benchmarks.series import decide

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shakeproof.gates.benchmarks.plan import Arm
    from shakeproof.gates.benchmarks.series import Decision

EFFORT = Effort(looks=(6, 9), second=6)
STEADY, SLOWER, WILD = "a.py::test_steady", "a.py::test_slower", "a.py::test_wild"


class Bench:
    """Hands out times, and remembers what it was asked for."""

    def __init__(self, times: Mapping[str, Callable[[Arm, int], float]]) -> None:
        self.times = times
        self.asked: list[tuple[Arm, tuple[str, ...], int]] = []
        self.counts: Counter[tuple[str, Arm]] = Counter()

    def measure(self, arm: Arm, names: Sequence[str], hash_seed: int) -> dict[str, float]:
        self.asked.append((arm, tuple(names), hash_seed))
        times = {}
        for name in names:
            self.counts[name, arm] += 1
            times[name] = self.times[name](arm, self.counts[name, arm])
        return times


def steady(_: Arm, number: int) -> float:
    return 1 + number % 3 / 1000


def slower(arm: Arm, number: int) -> float:
    return steady(arm, number) * (1.1 if arm == "head" else 1)


def wild(arm: Arm, number: int) -> float:
    return (0.8, 1.25, 0.9, 1.1, 1.0)[number % 5] if arm == "head" else steady(arm, number)


def slower_at_first(arm: Arm, number: int) -> float:
    return slower(arm, number) if number <= EFFORT.looks[0] else steady(arm, number)


def decided(bench: Bench) -> dict[str, Decision]:
    tolerances = dict.fromkeys(bench.times, 0.05)
    decisions = decide(tolerances, bench.measure, turns(1), EFFORT, lambda _: None)
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

    rounds = {name: bench.counts[name, "head"] for name in bench.times}
    assert rounds == {STEADY: 6, SLOWER: 6 + 6, WILD: 9}
    assert bench.asked[-1][1] == (SLOWER,)


def test_only_the_second_series_makes_a_failure() -> None:
    """Who looked slower once, and not again, passes."""
    found = decided(Bench({SLOWER: slower_at_first}))[SLOWER]

    assert (found.first.state, found.answer, found.confirmed) == ("slower", "pass", True)
    assert len(found.rounds) == EFFORT.second


def test_a_round_is_three_processes_under_one_hash_seed() -> None:
    """The base, HEAD and the base again share what they may differ in otherwise, and rounds do not."""
    bench = Bench({STEADY: steady})

    decided(bench)

    rounds = [bench.asked[at : at + 3] for at in range(0, len(bench.asked), 3)]
    assert {frozenset(arm for arm, _, _ in each) for each in rounds} == {
        frozenset({"base", "head", "again"})
    }
    seeds = [{seed for _, _, seed in each} for each in rounds]
    assert [len(each) for each in seeds] == [1] * 6
    assert len(set.union(*seeds)) == 6


def test_a_benchmark_that_is_there_now_and_then_is_an_error() -> None:
    """What vanishes in the middle is not what was compared before."""
    bench = Bench({STEADY: steady})

    def forgetful(arm: Arm, names: Sequence[str], hash_seed: int) -> dict[str, float]:
        times = bench.measure(arm, names, hash_seed)
        return {} if len(bench.asked) > 5 else times

    with pytest.raises(ShakeproofError, match=f"{STEADY} was measured before and now was not"):
        decide({STEADY: 0.05}, forgetful, turns(1), EFFORT, lambda _: None)
