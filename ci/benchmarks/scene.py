"""Where measurements take place: temporary folders, a laboratory in them, and a clock."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shakeproof.lab.base import Target
from shakeproof.lab.fork import ForkLab

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

JOBS = os.cpu_count() or 1


@contextmanager
def scratch() -> Iterator[Path]:
    """Lend a folder."""
    with tempfile.TemporaryDirectory(prefix="lab-benchmark-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def laboratory(
    rootdir: Path, *arguments: str, jobs: int = JOBS, hash_seeds: Sequence[int] = (0,)
) -> Iterator[ForkLab]:
    """Open a fork laboratory on a suite. Raises ForkUnsafeError where it cannot be forked."""
    with scratch() as logs:
        target = Target(rootdir, sys.executable, arguments)
        with ForkLab(target, logs, lambda *_: None, jobs=jobs, hash_seeds=hash_seeds) as lab:
            yield lab


@dataclass(slots=True)
class Stopwatch:
    """How long something took, in seconds of wall time."""

    seconds: float = 0.0


@contextmanager
def timed() -> Iterator[Stopwatch]:
    """Time what is done inside."""
    watch = Stopwatch()
    begun = time.perf_counter()
    try:
        yield watch
    finally:
        watch.seconds = time.perf_counter() - begun


def say(text: str) -> None:
    """Tell how far it has come, on stderr: stdout is for the results."""
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(f"  {text}\n")
        sys.stderr.flush()
