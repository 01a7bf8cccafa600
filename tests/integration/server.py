"""A real `python -m backend` in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def running(variables: Mapping[str, str], *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a real `python -m backend` with these settings and no others, and end it afterwards."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("BMTC_")}
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
