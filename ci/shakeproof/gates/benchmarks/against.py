"""HEAD against another revision, side by side: the gate with `--against`."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Final, TypeVar

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks import report
from shakeproof.gates.benchmarks.common import common_benchmarks
from shakeproof.gates.benchmarks.instructions import Counting, count_instructions, find_valgrind
from shakeproof.gates.benchmarks.judge import Round
from shakeproof.gates.benchmarks.plan import WORTH, Effort, calls_worth, is_shared, round_plans
from shakeproof.gates.benchmarks.processes import measure
from shakeproof.gates.benchmarks.record import STORAGE
from shakeproof.gates.benchmarks.revisions import base_commit, repository
from shakeproof.gates.benchmarks.series import decide
from shakeproof.gates.benchmarks.sides import installed_sides
from shakeproof.gates.benchmarks.together import Turns, measure_together

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from shakeproof.gates.benchmarks.common import Common
    from shakeproof.gates.benchmarks.instructions import Counted
    from shakeproof.gates.benchmarks.plan import Arm, RoundPlan
    from shakeproof.gates.benchmarks.processes import Side
    from shakeproof.gates.benchmarks.series import Decision
    from shakeproof.gates.benchmarks.settings import Settings
    from shakeproof.gates.verdict import Verdict

# Where the sides take no turns: what is short is timed for so long, and the number of processes makes the answer sharp.
ALONE: Final = (
    "--benchmark-min-rounds=2",
    f"--benchmark-max-time={WORTH}",
    "--benchmark-warmup=off",
)
T = TypeVar("T")  # how the times of a process are told
PATIENCE: Final = (
    60.0  # seconds that everybody may be silent for; and so many times what a side took by itself:
)
TIMES: Final = 5


@dataclass(frozen=True)
class Asking:
    """What is asked for."""

    rootdir: Path
    settings: Settings
    revision: str  # empty: the merge base with the main branch
    seed: int
    accept_new: bool = False
    instructions: bool = False
    effort: Effort = field(default_factory=Effort)
    choose: str = ""  # an expression for pytest's -k; empty: all benchmarks
    own: tuple[Path, ...] = ()  # what the gate itself writes


def against(asked: Asking, say: Callable[[str], None]) -> Verdict:
    """Compare and answer; raise `ShakeproofError` where that is impossible."""
    begun = time.monotonic()
    repo = repository(asked.rootdir)
    valgrind = find_valgrind() if asked.instructions else ""
    own = (asked.rootdir / STORAGE, *asked.own)
    commit = base_commit(repo, asked.revision, asked.settings.main, own)
    counted: Mapping[str, Counted] = {}
    notes: tuple[str, ...] = ()
    with installed_sides(repo, commit, asked.settings, say) as sides:
        common = common_benchmarks(
            sides, asked.settings, choose=asked.choose, accept_new=asked.accept_new
        )
        decisions = compare_sides(sides, common, asked, say)
        if valgrind:
            seconds = {one.name: median(each.base for each in one.rounds) for one in decisions}
            counting = Counting(valgrind, sides["base"], sides["head"])
            try:
                counted = count_instructions(counting, seconds, asked.settings, say)
            except ShakeproofError as error:  # the times are measured, and what they say stands
                notes = (f"Instructions were not counted: {error}",)
    return report.judged(
        decisions, counted, (*common.notes, *notes),
        commit=commit, seed=asked.seed, seconds=time.monotonic() - begun,
    )  # fmt: skip


def compare_sides(
    sides: Mapping[Arm, Side], common: Common, asked: Asking, say: Callable[[str], None]
) -> tuple[Decision, ...]:
    """Measure in rounds until everything is decided."""
    silence = PATIENCE + TIMES * common.longest
    together = asked.settings.together and os.name == "posix"  # sockets are handed on there alone

    def once(tests: Sequence[str], plan: RoundPlan) -> Mapping[str, Round]:
        if together:
            calls = {name: calls_worth(common.seconds[name], len(tests)) for name in tests}
            pinned = asked.settings.pinned(tests)
            shared = (
                name for name in pinned if is_shared(common.seconds[name], common.computing[name])
            )
            turns = Turns(calls, pinned, tuple(shared))
            records = measure_together(sides, tests, turns, plan, silence)
            return _rounds(Round.of_turns, {arm: one.calls for arm, one in records.items()})
        records = {
            arm: measure(sides[arm], tests, *ALONE, hash_seed=plan.hash_seed) for arm in plan.order
        }
        return _rounds(Round.of_minima, {arm: one.minima for arm, one in records.items()})

    tolerances = {name: asked.settings.tolerance_of(name) for name in common.tests}
    return decide(tolerances, once, round_plans(asked.seed), asked.effort, say)


def _rounds(
    compare: Callable[[T, T, T], Round], times: Mapping[Arm, Mapping[str, T]]
) -> dict[str, Round]:
    """Compare each benchmark that all three have."""
    base, head, again = times["base"], times["head"], times["again"]
    return {
        name: compare(base[name], head[name], again[name])
        for name in base
        if name in head and name in again
    }
