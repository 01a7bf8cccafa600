"""Running benchmarks once, in a process of their own.

Raises `ShakeproofError` wherever nothing was measured, whatever pytest's exit status says: pytest-benchmark ends with 0
under -n, with --benchmark-disable, and where no test asks for its fixture.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks.measured import WHY_NOTHING, read_measured
from shakeproof.gates.documents import as_object, read_object, text_at
from shakeproof.messages import complaint, headline, mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shakeproof.gates.benchmarks.measured import Record

INJECT: Final = Path(__file__).parents[2] / "inject"
SECONDS: Final = 900.0  # a process that takes longer hangs
# What would measure in another order or place, or again.
PLAIN: Final = tuple(
    word
    for plugin in ("randomly", "random_order", "rerunfailures", "cacheprovider")
    for word in ("-p", f"no:{plugin}")
)
ORDERLY: Final = (0, 1, 5)  # pytest: passed, failed, nothing to run
MEASURING: Final = ("--benchmark-enable", "--benchmark-only")
# Variables that would carry this side's code or settings over to the other.
FOREIGN: Final = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
)


@dataclass(frozen=True)
class Side:
    """A revision that can be run: its folder, and the interpreter of its environment."""

    name: str  # for messages: "the base", "HEAD"
    folder: Path
    python: Path
    scratch: Path  # for temporary files and reports
    options: tuple[str, ...] = ()  # more for pytest, on this side alone
    paths: tuple[Path, ...] = ()  # more for its import path


@dataclass(frozen=True)
class Watched:
    """The benchmarks that a run had, and of those that did not pass, why."""

    tests: tuple[str, ...]
    failed: Mapping[str, str]
    # Which share of its time the thread of each was computing; empty where the system does not tell.
    computing: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """What to start, where it tells which benchmarks it had, and where pytest-benchmark writes their times."""

    side: Side
    command: tuple[str, ...]
    environment: Mapping[str, str]
    watch: Path
    measured: Path


def measure(side: Side, tests: Sequence[str], *options: str, hash_seed: int) -> Record:
    """Measure benchmarks, named by path or node id, in one fresh process.

    Raises `ShakeproofError` where one of them fails or is skipped, or nothing is measured.
    """
    prepared = prepare(side, (*options, *tests), hash_seed=hash_seed, timed=True)
    watched = _run(prepared)
    check_passed(side, watched)
    return read_times(prepared)


def try_out(
    side: Side, arguments: Iterable[str], *, hash_seed: int
) -> tuple[Watched, Mapping[str, float]]:
    """Time benchmarks of which some may fail; tell which there were, and the least seconds of those that passed."""
    asking = {"SHAKEPROOF_COMPUTING": "1"}
    prepared = prepare(side, arguments, hash_seed=hash_seed, variables=asking, timed=True)
    watched = _run(prepared)
    if not prepared.measured.exists() or not read_object(prepared.measured).get("benchmarks"):
        return watched, {}
    return watched, read_times(prepared).minima


def read_times(prepared: Prepared) -> Record:
    """Read what a process measured; raise `ShakeproofError` where that is nothing."""
    if not prepared.measured.exists():
        raise ShakeproofError(f"No benchmark was measured: {WHY_NOTHING}.")
    return read_measured(read_object(prepared.measured))


def check_passed(side: Side, watched: Watched) -> None:
    """Raise `ShakeproofError` where a benchmark did not pass: its time is that of something else."""
    for name, reason in watched.failed.items():
        raise ShakeproofError(
            f"{name} did not pass on {side.name}, so nothing was compared: {headline(mask(reason))}"
        )


def run(
    side: Side,
    arguments: Iterable[str],
    *,
    hash_seed: int,
    prefix: Sequence[str] = (),
    iterations: int = 0,
) -> Watched:
    """Run pytest on a side and tell which benchmarks it had; those alone are run.

    Raises `ShakeproofError` where pytest does not come to the benchmarks, or xdist or coverage is active.
    """
    # Under valgrind everything takes fifty times as long.
    counting = {"SHAKEPROOF_ITERATIONS": str(iterations), "PYTEST_TIMEOUT": "0"}
    return _run(
        prepare(
            side, arguments, hash_seed=hash_seed, prefix=prefix,
            variables=counting if iterations else {},
        )
    )  # fmt: skip


def prepare(
    side: Side,
    arguments: Iterable[str],
    *,
    hash_seed: int,
    prefix: Sequence[str] = (),
    variables: Mapping[str, str] = MappingProxyType({}),
    timed: bool = False,
) -> Prepared:
    """Say what to start for the benchmarks of a side, and remove what an earlier run has written."""
    side.scratch.mkdir(parents=True, exist_ok=True)
    watch, measured = side.scratch / "watch.json", side.scratch / "measured.json"
    watch.unlink(missing_ok=True)
    measured.unlink(missing_ok=True)
    timing = (*MEASURING, f"--benchmark-json={measured}") if timed else ()
    plugins = ("-p", "shakeproof_benchmark", "-p", "shakeproof_turns", *PLAIN)
    command = (*prefix, str(side.python), "-m", "pytest", "-q", *plugins)
    environment = {
        **{name: value for name, value in os.environ.items() if name not in FOREIGN},
        # What a benchmark starts by name is this side's, too.
        "PATH": os.pathsep.join((str(side.python.parent), os.environ.get("PATH", os.defpath))),
        "PYTHONPATH": os.pathsep.join(map(str, (INJECT, *side.paths))),
        "PYTHONHASHSEED": str(hash_seed),
        "TMPDIR": str(side.scratch),
        "SHAKEPROOF_BENCHMARKS": str(watch),
        **variables,
    }
    return Prepared(
        side,
        (*command, f"--rootdir={side.folder}", *side.options, *timing, *arguments),
        environment,
        watch,
        measured,
    )


def _run(prepared: Prepared) -> Watched:
    side = prepared.side
    try:
        done = subprocess.run(
            prepared.command, cwd=side.folder, env=prepared.environment, capture_output=True,
            text=True, errors="replace", check=False, timeout=SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ShakeproofError(
            f"The benchmarks of {side.name} took longer than {SECONDS:.0f} seconds and were ended: make them smaller."
        ) from error
    except OSError as error:
        raise not_started(prepared, error) from error
    return read_watched(prepared, done.returncode, done.stderr + done.stdout)


def not_started(prepared: Prepared, error: OSError) -> ShakeproofError:
    """Say that there is no such interpreter, or another program in its place."""
    return ShakeproofError(f"{prepared.command[0]} could not be started: {error.strerror}.")


def read_watched(prepared: Prepared, status: int, printed: str) -> Watched:
    """Read which benchmarks a process had that ended with a status; raise `ShakeproofError` as `run` does."""
    side = prepared.side
    if not prepared.watch.exists():
        raise ShakeproofError(
            f"pytest ended with status {status} on {side.name} before it had told of its benchmarks: "
            f"{complaint(printed)}"
        )
    document = read_object(prepared.watch)
    if document.get("disturbed"):
        raise ShakeproofError(
            f"{text_at(document, 'disturbed')} is active, which makes times meaningless: leave it out of addopts, of "
            "PYTEST_ADDOPTS and of the environment."
        )
    tests = document.get("tests")
    tests = tests if isinstance(tests, list) else []
    failed = as_object(document.get("failed"), "'failed'")
    if status not in ORDERLY and not failed:
        raise ShakeproofError(
            f"pytest ended with status {status} on {side.name}, and nothing was compared: {complaint(printed)}"
        )
    computing = as_object(document.get("computing", {}), "'computing'")
    return Watched(
        tuple(map(str, tests)),
        {name: str(why) for name, why in failed.items()},
        {name: share for name, share in computing.items() if isinstance(share, float)},
    )
