"""HEAD against another revision, side by side: the gate with `--against`."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks import names, report
from shakeproof.gates.benchmarks.instructions import count_instructions
from shakeproof.gates.benchmarks.measured import WHY_NOTHING
from shakeproof.gates.benchmarks.plan import WORTH, Effort, calls_worth, round_plans
from shakeproof.gates.benchmarks.processes import check_passed, measure, run, try_out
from shakeproof.gates.benchmarks.series import decide
from shakeproof.gates.benchmarks.sides import (
    base_commit,
    installed_sides,
    repository,
    take_benchmarks,
)
from shakeproof.gates.benchmarks.together import measure_together

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from shakeproof.gates.benchmarks.instructions import Counted
    from shakeproof.gates.benchmarks.plan import Arm, RoundPlan
    from shakeproof.gates.benchmarks.processes import Side, Watched
    from shakeproof.gates.benchmarks.series import Decision
    from shakeproof.gates.benchmarks.settings import Settings
    from shakeproof.gates.verdict import Verdict

# Where the sides take no turns: what is short is timed for so long, and the number of processes makes the answer sharp.
ALONE: Final = (
    "--benchmark-min-rounds=2",
    f"--benchmark-max-time={WORTH}",
    "--benchmark-warmup=off",
)
# As briefly as can be: compiles everything, and tells how long a call takes.
BRIEFLY: Final = (
    "--benchmark-min-rounds=1",
    "--benchmark-max-time=0.000001",
    "--benchmark-warmup=off",
)
HASH_SEED: Final = 1


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


@dataclass(frozen=True)
class Common:
    """The benchmarks that both sides have and pass, and what is to be said of the others."""

    seconds: Mapping[str, float]  # of one call of each, by name
    notes: tuple[str, ...]

    @property
    def tests(self) -> tuple[str, ...]:
        """Their node ids."""
        return tuple(self.seconds)


def against(asked: Asking, say: Callable[[str], None]) -> Verdict:
    """Compare and answer; raise `ShakeproofError` where that is impossible."""
    begun = time.monotonic()
    repo = repository(asked.rootdir)
    commit = base_commit(repo, asked.revision, asked.settings.main)
    with installed_sides(repo, commit, asked.settings, say) as sides:
        common = common_benchmarks(sides, asked)
        decisions = compare_sides(sides, common, asked, say)
        counted: Mapping[str, Counted] = {}
        if asked.instructions:
            seconds = {one.name: median(each.base for each in one.rounds) for one in decisions}
            counted = count_instructions(sides["base"], sides["head"], seconds, asked.settings, say)
    return report.judged(
        decisions, counted, common.notes,
        commit=commit, seed=asked.seed, seconds=time.monotonic() - begun,
    )  # fmt: skip


def common_benchmarks(sides: Mapping[Arm, Side], asked: Asking) -> Common:
    """Find what can be compared, and let each side run it once, so that everything is compiled.

    The base's own benchmarks are listed before HEAD's take their place. One that is new may ask for what the base
    does not have: it is left out then. Raises `ShakeproofError` for every other failure, and for names that differ
    without `accept_new`.
    """
    base, head = sides["base"], sides["head"]
    paths = asked.settings.paths
    chosen = ("-k", asked.choose) if asked.choose else ()
    old: tuple[str, ...] = ()
    own = [path for path in paths if (base.folder / path).exists()]
    if own:
        listed = run(base, ("--collect-only", *chosen, *own), hash_seed=HASH_SEED)
        check_passed(base, listed)
        old = listed.tests
    for side in (base, sides["again"]):
        take_benchmarks(side, head, asked.settings)
    briefly = (*BRIEFLY, *chosen, *paths)
    there, seconds = try_out(head, briefly, hash_seed=HASH_SEED)
    check_passed(head, there)
    if not there.tests:
        raise ShakeproofError(f"No benchmark was found: {WHY_NOTHING}.")
    if not asked.choose:
        asked.settings.check_names(there.tests)
    names.check(there.tests, old, "the base", accept_new=asked.accept_new)
    before, _ = try_out(base, briefly, hash_seed=HASH_SEED)
    common = _common(base, before, there, old, seconds)
    again, _ = try_out(sides["again"], briefly, hash_seed=HASH_SEED)
    if again.tests != before.tests:
        raise ShakeproofError(
            f"{base.name} had other benchmarks when it was asked again, so nothing is compared: see that what is "
            "collected depends on the code alone."
        )
    return common


def _common(
    base: Side,
    before: Watched,
    there: Watched,
    old: Sequence[str],
    seconds: Mapping[str, float],
) -> Common:
    left_out = {
        name: why for name, why in before.failed.items() if name not in old and name in there.tests
    }
    for name, why in before.failed.items():
        if name not in left_out:
            raise ShakeproofError(
                f"HEAD's benchmark {name} does not run on {base.name}: name what it needs from HEAD as helpers in "
                f"[tool.shakeproof.benchmarks], or compare with a newer revision. ({why})"
            )
    tests = tuple(name for name in there.tests if name in before.tests and name not in left_out)
    if not tests:
        raise ShakeproofError(
            "No benchmark of HEAD runs on the base, so nothing was compared: name a newer revision."
        )
    for name in tests:
        if name not in seconds:
            raise ShakeproofError(
                f"{name} asks for the fixture benchmark and times nothing: let it call the fixture, or leave it out."
            )
    return Common(
        {name: seconds[name] for name in tests},
        (
            *(
                f"{name} is new: both sides were measured with it."
                for name in tests
                if name not in old
            ),
            *(
                f"{name} is new and does not run on the base: {why}"
                for name, why in left_out.items()
            ),
            *(f"{name} is gone." for name in old if name not in there.tests),
        ),
    )


def compare_sides(
    sides: Mapping[Arm, Side], common: Common, asked: Asking, say: Callable[[str], None]
) -> tuple[Decision, ...]:
    """Measure in rounds until everything is decided."""
    calls = {name: calls_worth(seconds) for name, seconds in common.seconds.items()}
    together = asked.settings.together and os.name == "posix"  # sockets are handed on there alone

    def once(tests: Sequence[str], plan: RoundPlan) -> Mapping[Arm, Mapping[str, float]]:
        if together:
            records = measure_together(sides, tests, calls, plan)
        else:
            records = {
                arm: measure(sides[arm], tests, *ALONE, hash_seed=plan.hash_seed)
                for arm in plan.order
            }
        return {arm: record.minima for arm, record in records.items()}

    tolerances = {name: asked.settings.tolerance_of(name) for name in common.tests}
    return decide(tolerances, once, round_plans(asked.seed), asked.effort, say)
