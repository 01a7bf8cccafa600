"""Running other programs to their end (effects)."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PATIENCE: Final = (
    15.0  # seconds that a program has to end by itself after Ctrl-C, which it got as well
)
# What a run that is itself measured would hand on to the one that is measured here.
OUTER: Final = (
    "COVERAGE_PROCESS_START",
    "COVERAGE_PROCESS_CONFIG",
    "COVERAGE_FILE",
    "COVERAGE_CORE",
)
WORKER: Final = ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID")
PYTEST: Final = ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST")


def run(
    command: Sequence[str],
    cwd: Path,
    variables: Mapping[str, str] | None = None,
    output: Path | None = None,
) -> int:
    """Run a program and return its exit status; what it prints goes to the terminal, or to the file `output`.

    Ctrl-C reaches the program as well: it gets time to end, and is then killed; KeyboardInterrupt is raised either way.
    """
    environ = {
        name: value for name, value in os.environ.items() if name not in {*OUTER, *WORKER, *PYTEST}
    }
    if output is None:
        return _wait(subprocess.Popen(command, cwd=cwd, env={**environ, **(variables or {})}))
    with output.open("wb") as file:
        return _wait(
            subprocess.Popen(
                command,
                cwd=cwd,
                env={**environ, **(variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        )


def _wait(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait()
    except KeyboardInterrupt:
        try:
            process.wait(PATIENCE)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            process.kill()
            process.wait()
        raise
