"""Running benchmarks once, in a process of their own.

Raises `ShakeproofError` wherever nothing was measured, whatever pytest's exit status says: pytest-benchmark ends with 0
under -n, with --benchmark-disable, and where no test asks for its fixture.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
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


def measure(side: Side, tests: Sequence[str], *options: str, hash_seed: int) -> Record:
    """Measure benchmarks, named by path or node id, in one fresh process.

    Raises `ShakeproofError` where one of them fails or is skipped, or nothing is measured.
    """
    file = side.scratch / "measured.json"
    file.unlink(missing_ok=True)
    watched = run(
        side, (*MEASURING, f"--benchmark-json={file}", *options, *tests), hash_seed=hash_seed
    )
    check_passed(side, watched)
    if not file.exists():
        raise ShakeproofError(f"No benchmark was measured: {WHY_NOTHING}.")
    return read_measured(read_object(file))


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
    side.scratch.mkdir(parents=True, exist_ok=True)
    watch = side.scratch / "watch.json"
    watch.unlink(missing_ok=True)
    command = [*prefix, str(side.python), "-m", "pytest", "-q", "-p", "shakeproof_benchmark"]
    command += [*PLAIN, *side.options, *arguments]
    environment = {
        **{name: value for name, value in os.environ.items() if name not in FOREIGN},
        "PYTHONPATH": os.pathsep.join(map(str, (INJECT, *side.paths))),
        "PYTHONHASHSEED": str(hash_seed),
        "TMPDIR": str(side.scratch),
        "SHAKEPROOF_BENCHMARKS": str(watch),
        "SHAKEPROOF_ITERATIONS": str(iterations or ""),
    }
    if iterations:
        environment["PYTEST_TIMEOUT"] = "0"  # under valgrind everything takes fifty times as long
    try:
        done = subprocess.run(
            command, cwd=side.folder, env=environment, capture_output=True, text=True,
            errors="replace", check=False, timeout=SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ShakeproofError(
            f"The benchmarks of {side.name} took longer than {SECONDS:.0f} seconds and were ended: make them smaller."
        ) from error
    except OSError as error:
        raise ShakeproofError(f"{command[0]} could not be started: {error.strerror}.") from error
    return _watched(side, watch, done)


def _watched(side: Side, watch: Path, done: subprocess.CompletedProcess[str]) -> Watched:
    if not watch.exists():
        raise ShakeproofError(
            f"pytest ended with status {done.returncode} on {side.name} before any benchmark: "
            f"{complaint(done.stderr + done.stdout)}"
        )
    document = read_object(watch)
    if document.get("disturbed"):
        raise ShakeproofError(
            f"{text_at(document, 'disturbed')} is active, which makes times meaningless: leave it out of addopts, of "
            "PYTEST_ADDOPTS and of the environment."
        )
    tests = document.get("tests")
    tests = tests if isinstance(tests, list) else []
    failed = as_object(document.get("failed"), "'failed'")
    if done.returncode not in ORDERLY and not failed:
        raise ShakeproofError(
            f"pytest ended with status {done.returncode} on {side.name}, and nothing was compared: "
            f"{complaint(done.stderr + done.stdout)}"
        )
    return Watched(tuple(map(str, tests)), {name: str(why) for name, why in failed.items()})
