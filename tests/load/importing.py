"""What it takes to load a timetable of the size that a city's agency has."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from shakeproof.errors import ShakeproofError
from tests.benchmarks.feeds import write_big_feed

ROOT = Path(__file__).parents[2]
LINES, TRIPS = 50, 100  # of 20 stops each: 100,000 stop times
TIMES = 3
KIBIBYTE = 1024


@dataclass(frozen=True, slots=True)
class Import:
    """How long `load-feed` took, the whole process, and the most memory that it held."""

    seconds: float
    most_bytes: int


def measured_imports(folder: Path, environ: Mapping[str, str]) -> str:
    """Load one big feed into new SQLite files, a few times, and say what it took.

    Raises ShakeproofError where it is not taken.
    """
    feed = folder / "big.zip"
    stop_times = write_big_feed(feed, TRIPS, LINES)
    imports = [
        _load(feed, {**environ, "BMTC_DB_PATH": str(folder / f"big-{number}.sqlite3")})
        for number in range(TIMES)
    ]
    seconds = [each.seconds for each in imports]
    most = max(each.most_bytes for each in imports) / KIBIBYTE**2
    return (
        f"A feed of {stop_times:,} stop times on {LINES} lines: loaded in {median(seconds):.1f} s "
        f"({min(seconds):.1f} to {max(seconds):.1f}), the start of the process included, in {most:.0f} MiB at most."
    )


def _load(feed: Path, environ: Mapping[str, str]) -> Import:
    begun = time.perf_counter()
    loading = subprocess.Popen(
        (sys.executable, "-m", "backend", "load-feed", str(feed)),
        cwd=ROOT, env=environ, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, used = os.wait4(loading.pid, 0)
    loading.returncode = os.waitstatus_to_exitcode(status)
    if loading.returncode:
        raise ShakeproofError("The big timetable was not loaded; see above.")
    return Import(time.perf_counter() - begun, used.ru_maxrss * KIBIBYTE)
