"""The time that goes by for one thread: without what it waits for the processor while others have it.

Linux counts that wait for each thread, in nanoseconds: the second number of `schedstat`
(Documentation/scheduler/sched-stats.rst). What it computes counts, and what it waits for files, sleep and others, too.
"""

import time

SCHEDSTAT = "/proc/thread-self/schedstat"
TRIES = 5
AT_ONCE = 5e-5  # seconds that it takes to read two clocks, unless something comes between


def counts_waits() -> bool:
    """Whether this system tells how long a thread waits for a processor."""
    try:
        return waited() >= 0
    except (OSError, IndexError, ValueError):
        return False


def waited() -> float:
    """Return the seconds that this thread was ready to run, and did not."""
    with open(SCHEDSTAT, encoding="ascii") as file:
        return int(file.read().split()[1]) / 1e9


def elapsed() -> float:
    """Return seconds since some moment, those left out that this thread waited for a processor."""
    now = lost = 0.0
    for _ in range(TRIES):
        now, lost = time.perf_counter(), waited()
        if time.perf_counter() - now < AT_ONCE:
            break
    return now - lost
