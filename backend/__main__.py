"""The only place that reads the environment and the machine's clock: `python -m backend`."""

import os
import sys

from backend.core.clock import SystemClock
from backend.tools.cli import main

UNREAD = 141
"""What shells tell of a program that SIGPIPE ended."""


def run() -> int:
    """Run one command and return the exit status; whoever reads may stop when they have seen enough."""
    try:
        try:
            return main(sys.argv[1:], os.environ, SystemClock())
        finally:
            if sys.stdout is not None:  # as it is where the shell has closed it
                sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more when it ends (https://docs.python.org/3/library/signal.html#note-on-sigpipe).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD


if __name__ == "__main__":
    sys.exit(run())
