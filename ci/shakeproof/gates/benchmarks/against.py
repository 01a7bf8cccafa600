"""HEAD against another revision, side by side: the gate with `--against`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks import names, report
from shakeproof.gates.benchmarks.instructions import count_instructions
from shakeproof.gates.benchmarks.measured import WHY_NOTHING
from shakeproof.gates.benchmarks.plan import Effort, turns
from shakeproof.gates.benchmarks.processes import check_passed, measure, run
from shakeproof.gates.benchmarks.series import decide
from shakeproof.gates.benchmarks.sides import base_commit, repository, take_benchmarks, two_sides

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from shakeproof.gates.benchmarks.instructions import Counted
    from shakeproof.gates.benchmarks.plan import Arm
    from shakeproof.gates.benchmarks.processes import Side, Watched
    from shakeproof.gates.benchmarks.series import Decision
    from shakeproof.gates.benchmarks.settings import Settings
    from shakeproof.gates.verdict import Verdict

# Of one benchmark in one process. Short, since it is the number of processes that makes the answer sharp: what
# differs from process to process (where things lie in memory) no number of rounds within one averages out.
MEASURING: Final = (
    "--benchmark-min-rounds=2",
    "--benchmark-max-time=0.1",
    "--benchmark-warmup=off",
)
WARMING: Final = ("--benchmark-disable",)
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

    tests: tuple[str, ...]
    notes: tuple[str, ...]


def against(asked: Asking, say: Callable[[str], None]) -> Verdict:
    """Compare and answer; raise `ShakeproofError` where that is impossible."""
    begun = time.monotonic()
    repo = repository(asked.rootdir)
    commit = base_commit(repo, asked.revision, asked.settings.main)
    with two_sides(repo, commit, asked.settings, say) as (base, head):
        common = common_benchmarks(base, head, asked)
        decisions = compare_sides(base, head, common, asked, say)
        counted: Mapping[str, Counted] = {}
        if asked.instructions:
            seconds = {one.name: median(each.base for each in one.rounds) for one in decisions}
            counted = count_instructions(base, head, seconds, asked.settings, say)
    return report.judged(
        decisions, counted, common.notes,
        commit=commit, seed=asked.seed, seconds=time.monotonic() - begun,
    )  # fmt: skip


def common_benchmarks(base: Side, head: Side, asked: Asking) -> Common:
    """Find what can be compared, and let each side run it once, so that everything is compiled.

    The base's own benchmarks are listed before HEAD's take their place. One that is new may ask for what the base
    does not have: it is left out then. Raises `ShakeproofError` for every other failure, and for names that differ
    without `accept_new`.
    """
    paths = asked.settings.paths
    chosen = ("-k", asked.choose) if asked.choose else ()
    old: tuple[str, ...] = ()
    own = [path for path in paths if (base.folder / path).exists()]
    if own:
        listed = run(base, ("--collect-only", *chosen, *own), hash_seed=HASH_SEED)
        check_passed(base, listed)
        old = listed.tests
    take_benchmarks(base, head, asked.settings)
    there = run(head, (*WARMING, *chosen, *paths), hash_seed=HASH_SEED)
    check_passed(head, there)
    if not there.tests:
        raise ShakeproofError(f"No benchmark was found: {WHY_NOTHING}.")
    if not asked.choose:
        asked.settings.check_names(there.tests)
    names.check(there.tests, old, "the base", accept_new=asked.accept_new)
    before = run(base, (*WARMING, *chosen, *paths), hash_seed=HASH_SEED)
    return _common(base, before, there, old)


def _common(base: Side, before: Watched, there: Watched, old: Sequence[str]) -> Common:
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
    return Common(
        tests,
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
    base: Side, head: Side, common: Common, asked: Asking, say: Callable[[str], None]
) -> tuple[Decision, ...]:
    """Measure in rounds until everything is decided."""
    sides: dict[Arm, Side] = {"base": base, "head": head, "again": base}

    def once(arm: Arm, tests: Sequence[str], hash_seed: int) -> Mapping[str, float]:
        record = measure(sides[arm], tests, *MEASURING, hash_seed=hash_seed)
        return {one.name: one.minimum for one in record.measurements}

    tolerances = {name: asked.settings.tolerance_of(name) for name in common.tests}
    return decide(tolerances, once, turns(asked.seed), asked.effort, say)
