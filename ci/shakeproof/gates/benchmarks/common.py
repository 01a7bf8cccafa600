"""Which benchmarks can be compared: those that both sides have and pass."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks import names
from shakeproof.gates.benchmarks.measured import WHY_NOTHING
from shakeproof.gates.benchmarks.processes import Watched, check_passed, run, try_out
from shakeproof.gates.benchmarks.sides import take_benchmarks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shakeproof.gates.benchmarks.plan import Arm
    from shakeproof.gates.benchmarks.processes import Side
    from shakeproof.gates.benchmarks.settings import Settings

# As briefly as can be: compiles everything, and tells how long a call takes.
BRIEFLY: Final = (
    "--benchmark-min-rounds=1",
    "--benchmark-max-time=0.000001",
    "--benchmark-warmup=off",
)
HASH_SEED: Final = 1


@dataclass(frozen=True)
class Common:
    """The benchmarks that both sides have and pass, and what is to be said of the others."""

    seconds: Mapping[str, float]  # of one call of each, by name
    computing: Mapping[str, float]  # the share of that for which it computes by itself; 0: unknown
    longest: float  # seconds that all took on the slowest side, one call each
    notes: tuple[str, ...]

    @property
    def tests(self) -> tuple[str, ...]:
        """Their node ids."""
        return tuple(self.seconds)


@dataclass(frozen=True)
class Tried:
    """What a side did with all benchmarks, called once each."""

    watched: Watched
    seconds: Mapping[str, float]  # of one call, of those that passed
    took: float  # seconds, all together
    unloadable: Mapping[str, str] = field(default_factory=dict)  # files left out, and why


def common_benchmarks(
    sides: Mapping[Arm, Side], settings: Settings, *, choose: str = "", accept_new: bool = False
) -> Common:
    """Find what can be compared, and let each side run it once, so that everything is compiled.

    The base's own benchmarks are listed before HEAD's take their place. What is new may ask for what the base does not
    have: it is left out then. `choose` is an expression for pytest's -k. Raises `ShakeproofError` for every other
    failure, and for names that differ without `accept_new`.
    """
    base, head, again = sides["base"], sides["head"], sides["again"]
    chosen = ("-k", choose) if choose else ()
    # Two at a time, a processor each, since nothing is decided by how long they take here.
    with ThreadPoolExecutor(2 if settings.together else 1) as pool:
        listing = pool.submit(_own, base, settings.paths, chosen)
        trying = pool.submit(_tried, head, settings.paths, chosen)
        old, there = listing.result(), trying.result()
        check_passed(head, there.watched)
        if not there.watched.tests:
            why = f"-k {choose!r} chooses none" if choose else WHY_NOTHING
            raise ShakeproofError(f"No benchmark was found: {why}.")
        if not choose:
            settings.check_names(there.watched.tests)
        names.check(there.watched.tests, old, "the base", accept_new=accept_new)
        for side in (base, again):
            take_benchmarks(side, head, settings)
        before, twin = pool.map(
            lambda side: _tried(side, settings.paths, chosen, old), (base, again)
        )
    tests, notes = _compared(base, before, there.watched, old)
    if twin.watched.tests != before.watched.tests:
        raise ShakeproofError(
            f"{base.name} had other benchmarks when it was asked again, so nothing is compared: see that what is "
            "collected depends on the code alone."
        )
    for name in tests:
        if name not in there.seconds:
            raise ShakeproofError(
                f"{name} asks for the fixture benchmark and times nothing: let it call the fixture, or leave it out."
            )
    return Common(
        {name: there.seconds[name] for name in tests},
        {
            name: min(each.watched.computing.get(name, 0.0) for each in (there, before, twin))
            for name in tests
        },
        max(each.took for each in (there, before, twin)),
        notes,
    )


def _own(base: Side, paths: Sequence[str], chosen: Sequence[str]) -> tuple[str, ...]:
    """List the base's own benchmarks."""
    own = [path for path in paths if (base.folder / path).exists()]
    if not own:
        return ()
    listed = run(base, ("--collect-only", *chosen, *own), hash_seed=HASH_SEED)
    for name, why in listed.failed.items():
        raise ShakeproofError(
            f"{name} cannot be loaded on {base.name}, so nothing is compared with it: name a newer revision. ({why})"
        )
    return listed.tests


def _tried(
    side: Side, paths: Sequence[str], chosen: Sequence[str], old: Sequence[str] | None = None
) -> Tried:
    """Run all benchmarks once; where `old` ones are given, once more without files that hold none and do not load."""
    begun = time.monotonic()
    watched, seconds = try_out(side, (*BRIEFLY, *chosen, *paths), hash_seed=HASH_SEED)
    took = time.monotonic() - begun
    files = {_file(name) for name in old or ()}
    unloadable = {
        name: why for name, why in watched.failed.items() if "::" not in name and name not in files
    }
    if old is None or not unloadable:
        return Tried(watched, seconds, took)
    rest = [path for path in paths if path not in unloadable]
    if not rest:
        return Tried(Watched((), {}), {}, took, unloadable)
    without = (*(f"--ignore={name}" for name in unloadable), *BRIEFLY, *chosen, *rest)
    return Tried(*try_out(side, without, hash_seed=HASH_SEED), took, unloadable)


def _compared(
    base: Side, before: Tried, there: Watched, old: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Choose what is compared, and say what is not; raise `ShakeproofError` where that is not in order."""
    failed = before.watched.failed
    left_out = {
        name: why for name, why in failed.items() if name not in old and name in there.tests
    }
    for name, why in failed.items():
        if name not in left_out:
            raise ShakeproofError(
                f"HEAD's benchmark {name} does not run on {base.name}: name what it needs from HEAD as helpers in "
                f"[tool.shakeproof.benchmarks], or compare with a newer revision. ({why})"
            )
    tests = tuple(
        name for name in there.tests if name in before.watched.tests and name not in left_out
    )
    if not tests:
        raise ShakeproofError(
            "No benchmark of HEAD runs on the base, so nothing was compared: name a newer revision."
        )
    new = (f"{name} is new: both sides were measured with it." for name in tests if name not in old)
    not_there = (
        f"{name} is new and does not run on the base: {why}"
        for name, why in (*left_out.items(), *before.unloadable.items())
    )
    gone = (f"{name} is gone." for name in old if name not in there.tests)
    return tests, (*new, *not_there, *gone)


def _file(name: str) -> str:
    return name.partition("::")[0]
