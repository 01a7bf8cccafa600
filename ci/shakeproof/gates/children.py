"""Running other programs to their end (effects)."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final, Protocol

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
PYTEST: Final = ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTEST_VERSION")


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
        return wait(subprocess.Popen(command, cwd=cwd, env={**environ, **(variables or {})}))
    with output.open("wb") as file:
        return wait(
            subprocess.Popen(
                command,
                cwd=cwd,
                env={**environ, **(variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        )


class Child(Protocol):
    """What is needed of a running program."""

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit status; raise subprocess.TimeoutExpired after so many seconds."""

    def kill(self) -> None:
        """End it at once."""


def wait(process: Child) -> int:
    """Wait for a program; after Ctrl-C give it time to end, then end it, and raise KeyboardInterrupt."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        try:
            process.wait(PATIENCE)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            process.kill()
            process.wait()
        raise
