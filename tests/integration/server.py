"""A real `python -m backend` in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def running(
    variables: Mapping[str, str], *arguments: str, to_be_killed: bool = False
) -> Iterator["subprocess.Popen[str]"]:
    """Run a real `python -m backend` with these settings and no others, and end it afterwards.

    What is to be killed is not measured by coverage: killed while it writes what it has measured, it would leave a
    file that nobody can read.
    """
    without = ("BMTC_", "COVERAGE_") if to_be_killed else ("BMTC_",)
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(without)}
    with subprocess.Popen(
        [sys.executable, "-m", "backend", *arguments],
        # Nobody reads stderr while it runs, and a pipe that is full would stop the server.
        env=inherited | {"BMTC_LOG_LEVEL": "warning"} | dict(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def announced_url(process: "subprocess.Popen[str]") -> str:
    """Wait for the line with which a server says that it listens, and return the address."""
    assert process.stdout is not None
    return process.stdout.readline().split()[2]
