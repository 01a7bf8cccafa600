"""Running the tests under coverage.py, each session with data files of its own (effects)."""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.files import make_folder
from shakeproof.gates.children import run
from shakeproof.gates.coverage.core import Choice, candidates, choose
from shakeproof.gates.coverage.evidence import (
    Witnessed,
    check_complete,
    check_files,
    check_run,
    read_witness,
)
from shakeproof.gates.coverage.measured import File, read_report
from shakeproof.gates.coverage.sources import python_files, read_source
from shakeproof.gates.documents import read_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from shakeproof.gates.coverage.settings import Settings

DATA: Final = ".coverage"
REPORT: Final = "coverage.json"
WITNESS: Final = "witness.json"
SAMPLE: Final = ".coverage-sample"
SAMPLE_LOG: Final = "sample.log"
HTML: Final = "html"
OURS: Final = (
    "# Created by coverage.py"  # how .gitignore begins, in a folder that was empty or not there
)
PLUGIN: Final = ("-p", "shakeproof.gates.coverage.witness")
ROUNDS: Final = 3  # of the sample under each core, in turn


@dataclass(frozen=True)
class Measurement:
    """All that was measured, and with what."""

    files: tuple[File, ...]  # without those that run elsewhere
    elsewhere: tuple[str, ...]  # paths that count for nothing
    sources: Mapping[str, str]  # text by path, of the files that count
    witnessed: Witnessed
    choice: Choice


def measure(settings: Settings, root: Path, out: Path, arguments: Sequence[str]) -> Measurement:
    """Run the suite under coverage and read what it left.

    Raises ShakeproofError where the measurement cannot be believed: failing tests, lost data, a file not counted.
    """
    make_folder(out)
    erase(out)
    python_files(root, settings.source)  # nobody waits for a suite to hear that there are none
    cores = candidates(sys.version_info[:2])
    choice = choose(cores, time_cores(cores, settings, root, out))
    check_run(_run(settings, root, out, choice.core, (*settings.pytest, *arguments)))
    check_files((path.name for path in out.iterdir()), DATA)
    witnessed = read_witness(read_object(out / WITNESS))
    measured = read_report(read_object(out / REPORT))
    present = python_files(root, settings.source)
    outside = {path for path in present if matches(path, settings.elsewhere)}
    check_complete((file.path for file in measured), present.keys() - outside)
    return Measurement(
        files=tuple(file for file in measured if file.path not in outside),
        elsewhere=tuple(sorted(outside)),
        sources={name: read_source(path) for name, path in present.items() if name not in outside},
        witnessed=witnessed,
        choice=choice,
    )


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Tell whether a path fits one of the patterns, in which `*` stands for no slash."""
    return any(PurePosixPath(path).match(pattern) for pattern in patterns)


def erase(out: Path) -> None:
    """Take away what the last run left, so that nothing old is judged, and nothing else: the folder may be anybody's.

    Raises ShakeproofError where that cannot be done, and where there is a folder of pages not made by coverage.py.
    """
    patterns = (DATA, f"{DATA}.*", f"{SAMPLE}*")
    data = (path for pattern in patterns for path in out.glob(pattern) if not path.is_dir())
    try:
        for path in (out / REPORT, out / WITNESS, *data):
            path.unlink(missing_ok=True)
        _erase_pages(out / HTML)
    except OSError as error:
        raise ShakeproofError(
            f"{error.filename} is in the way ({error.strerror}): name another folder with --out."
        ) from error


def _erase_pages(folder: Path) -> None:
    """Take coverage.py's pages away: those of files that are gone would stay."""
    if not folder.exists() or not any(folder.iterdir()):
        return
    mark = folder / ".gitignore"
    if not mark.is_file() or not mark.read_bytes().startswith(OURS.encode()):
        raise ShakeproofError(
            f"{folder} is there, and coverage.py did not make it: move it away, or name another folder with --out."
        )
    shutil.rmtree(folder)


def _run(settings: Settings, root: Path, out: Path, core: str, arguments: Sequence[str]) -> int:
    folder = out.absolute()
    measured = (f"--cov={settings.source}", "--cov-branch", f"--cov-config={settings.config}")
    # The floors are the gate's to judge: coverage itself would only know the total.
    reports = (
        f"--cov-report=html:{folder / HTML}",
        f"--cov-report=json:{folder / REPORT}",
        "--cov-fail-under=0",
    )
    witness = (*PLUGIN, f"--coverage-witness={folder / WITNESS}")
    command = (sys.executable, "-m", "pytest", *witness, *measured, *reports, *arguments)
    return run(command, root, {"COVERAGE_FILE": str(folder / DATA), "COVERAGE_CORE": core})


def time_cores(
    cores: Sequence[str], settings: Settings, root: Path, out: Path, rounds: int = ROUNDS
) -> Mapping[str, Sequence[float]]:
    """Run the sample under each core in turn, where there is a choice; give the seconds by core.

    Raises ShakeproofError where the sample is red.
    """
    if len(cores) == 1 or not settings.sample:
        return {}
    seconds: dict[str, list[float]] = {core: [] for core in cores}
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", *settings.sample)
    measured = (f"--cov={settings.source}", f"--cov-config={settings.config}")
    for _ in range(rounds):
        for core, times in seconds.items():
            files = {"COVERAGE_FILE": str(out.absolute() / SAMPLE), "COVERAGE_CORE": core}
            quiet = ("--cov-branch", "--cov-report=", "--cov-fail-under=0")
            begun = time.perf_counter()
            status = run((*command, *measured, *quiet), root, files, out / SAMPLE_LOG)
            times.append(time.perf_counter() - begun)
            check_run(status, " of the sample", f"in {out / SAMPLE_LOG}")
    erase(out)
    return seconds
