"""Measure here, store it, and compare with the last run of the same machine: the gate without `--against`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks import report
from shakeproof.gates.benchmarks.baseline import Storage, check_names, compare
from shakeproof.gates.benchmarks.measured import UNKNOWN
from shakeproof.gates.benchmarks.processes import Side, measure

if TYPE_CHECKING:
    from shakeproof.gates.benchmarks.measured import Record
    from shakeproof.gates.benchmarks.settings import Settings
    from shakeproof.gates.verdict import Verdict

STORAGE: Final = ".benchmarks"  # where pytest-benchmark, too, looks unless it is told otherwise
SECONDS_EACH: Final = "0.5"
HASH_SEED: Final = 0


@dataclass(frozen=True)
class Recording:
    """What is asked for."""

    rootdir: Path
    settings: Settings
    out: Path  # where a refused record is kept
    update: bool = False  # store what was measured, compare nothing
    accept_new: bool = False


def record(asked: Recording) -> Verdict:
    """Measure, store and compare.

    Only what passed, or was asked to with `update`, becomes what the next run is compared with: a slow run that is
    repeated stays slow. Raises `ShakeproofError` where nothing was measured or nothing can be compared.
    """
    storage = Storage(asked.rootdir / STORAGE)
    before = set(storage.files())
    try:
        measured = _measured(asked, storage)
        verdict = _verdict(asked, storage, before, measured)
        if verdict.answer != "pass":
            for path in set(storage.files()) - before:
                _refuse(path, asked.out)
    except BaseException:
        for path in set(storage.files()) - before:
            path.unlink()
        raise
    return verdict


def _refuse(path: Path, out: Path) -> None:
    """Take what was stored away to where nothing is compared with it; that may be another file system."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        shutil.move(path, out / "refused.json")
    except OSError as error:
        raise ShakeproofError(
            f"{out / 'refused.json'} cannot be written ({error.strerror}), so this run is not kept: name another --out."
        ) from error


def _measured(asked: Recording, storage: Storage) -> Record:
    with tempfile.TemporaryDirectory(
        prefix="shakeproof-benchmarks-", ignore_cleanup_errors=True
    ) as scratch:
        side = Side("this working tree", asked.rootdir, Path(sys.executable), Path(scratch))
        keep = ("--benchmark-autosave", f"--benchmark-storage=file://{storage.folder}")
        return measure(
            side, asked.settings.paths, *keep, f"--benchmark-max-time={SECONDS_EACH}",
            hash_seed=HASH_SEED,
        )  # fmt: skip


def _verdict(asked: Recording, storage: Storage, before: set[Path], measured: Record) -> Verdict:
    added = [path for path in storage.files() if path not in before]
    if not added:
        raise ShakeproofError(
            f"pytest-benchmark stored nothing in {storage.folder}: see that the folder can be written to."
        )
    found = None if asked.update else storage.last(added[-1], measured.machine)
    if found is None:
        why = "this machine had no baseline"
        if measured.machine.cpu == UNKNOWN:
            why = "the CPU could not be identified, so no baseline is known to be this machine's"
        if asked.update:
            why = "as --update asked"
        return report.recorded(measured, added[-1].relative_to(asked.rootdir), why)
    path, baseline = found
    check_names(measured, baseline, accept_new=asked.accept_new)
    return report.compared(
        measured, baseline, compare(measured, baseline), path.relative_to(asked.rootdir)
    )
