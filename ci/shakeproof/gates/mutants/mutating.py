"""Running mutmut in a copy of what it changes (effects)."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.children import run
from shakeproof.gates.mutants.results import (
    Outcome,
    Survivor,
    changed_lines,
    counted,
    read_statuses,
    unnoticed,
)
from shakeproof.gates.mutants.targets import mutmut_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shakeproof.gates.mutants.targets import Target

LAST_LINES: Final = 15
MUTMUT: Final = (sys.executable, "-m", "mutmut")
IGNORED: Final = shutil.ignore_patterns("__pycache__", ".*", "specimens")


def mutate(target: Target, root: Path, out: Path, mutmut: Sequence[str] = MUTMUT) -> Outcome:
    """Make all mutants of a target and let its tests look at them; what mutmut prints goes to `out`.

    Raises ShakeproofError where mutmut cannot: a file is missing, or the tests fail without any mutant.
    """
    printed = (out / f"{target.name}.txt").absolute()
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as folder:
        place = Path(folder, "project")
        _copy(target, root / target.root, place)
        # Hypothesis would put a folder of its own beside the tests, and where it lies unasked warns of it.
        variables = {"HYPOTHESIS_STORAGE_DIRECTORY": str(Path(folder, "hypothesis"))}
        status = run((*mutmut, "run"), place, variables, printed)
        if status:
            said = printed.read_text(encoding="utf-8", errors="backslashreplace")
            raise ShakeproofError(
                f"mutmut could not mutate {target.module} (it ended with {status}); its last lines:\n"
                + "\n".join(said.replace("\r", "\n").splitlines()[-LAST_LINES:])
            )
        statuses = read_statuses(_said(mutmut, place, "results", "--all", "true"))
        survivors = tuple(
            Survivor(mutant, status, changed_lines(_said(mutmut, place, "show", mutant)))
            for mutant, status in unnoticed(statuses).items()
        )
    return Outcome(target, counted(statuses), survivors)


def _copy(target: Target, root: Path, place: Path) -> None:
    place.mkdir()
    for name in (target.source, *target.copied):
        here, there = root / name, place / name
        there.parent.mkdir(parents=True, exist_ok=True)
        if here.is_dir():
            shutil.copytree(here, there, ignore=IGNORED)
        elif here.is_file():
            shutil.copyfile(here, there)
        else:
            raise ShakeproofError(
                f"{here} is not there: correct `source` or `copied` of {target.name}."
            )
    (place / "setup.cfg").write_text(mutmut_settings(target), encoding="utf-8")


def _said(mutmut: Sequence[str], place: Path, *arguments: str) -> str:
    """Ask mutmut for what it stored; raise ShakeproofError where it does not say."""
    done = subprocess.run(
        [*mutmut, *arguments], cwd=place, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise ShakeproofError(
            f"mutmut {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}"
        )
    return done.stdout
