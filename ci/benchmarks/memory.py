"""How much memory the controller takes: `python -m benchmarks.memory TESTS RUNS` measures it on itself."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.scene import JOBS, laboratory, say, scratch
from benchmarks.suites import write_empty
from benchmarks.table import Figure
from shakeproof import orders
from shakeproof.casebook import Casebook, Setting
from shakeproof.investigate.classify import classify
from shakeproof.lab.base import Target
from shakeproof.lab.records import PHASES, Record
from shakeproof.model import Status
from shakeproof.reporting import conclude

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shakeproof.model import Experiment, Run

MOST = 200.0  # MiB
# One run in so many is in the declared order, as in `stability`; the others are shuffled.
DECLARED_SHARE = 5


def measure(tests: int, runs: int) -> Iterator[Figure]:
    """Give the figure, measured by a process of its own."""
    say(f"{tests} tests run {runs} times: memory")
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", str(tests), str(runs)],
        capture_output=True,
        text=True,
        check=True,
    )
    peaks = json.loads(done.stdout)
    peak = peaks["written"]
    yield Figure(
        f"the controller's memory at its peak, {tests:,} tests x {runs} runs",
        f"{peak:.0f} MiB",
        f"under {MOST:g} MiB",
        peak < MOST,
        f"resident, {JOBS} of the runs real and the others told as a fork tells them; "
        f"{peaks['begun']:.0f} MiB before the first run, {peaks['run']:.0f} after the last, "
        f"{peaks['classified']:.0f} once judged, {peak:.0f} with the report written; {time.monotonic() - begun:.0f} s",
    )


def main(argv: Sequence[str]) -> int:
    """Gather runs of an empty suite as `stability` does, and print the peaks in MiB up to each stage.

    The first runs are real. The others are told the laboratory's way, message by message, since to make them all would
    take a quarter of an hour and no byte more.
    """
    tests, runs = map(int, argv)
    peaks: dict[str, float] = {}
    with scratch() as folder:
        suite = folder / "suite"
        write_empty(suite, tests)
        book = Casebook()
        with laboratory(suite) as lab:
            peaks["begun"] = _peak()
            declared = orders.comparison(
                repeat=max(1, runs // DECLARED_SHARE), seeds=(), parallel=False
            )
            seeds = orders.shuffle_seeds(runs - len(declared), 1)
            planned = [*declared, *orders.reordered(lab.collected, seeds)]
            book.runs += lab.run(planned[:JOBS])
            book.runs += [_told(each, lab.collected) for each in planned[JOBS:]]
            peaks["run"] = _peak()
        book.suspicions = classify(book.runs)
        peaks["classified"] = _peak()
        conclude(_setting(suite, folder / "report"), book)
        peaks["written"] = _peak()
    print(json.dumps(peaks))
    return 0


def _told(experiment: Experiment, collected: tuple[str, ...]) -> Run:
    """Make the run of which a fork would tell: every test passes."""
    order = experiment.tests or collected
    record = Record(collected=order)
    for number, test in enumerate(order):
        # Each phase takes its own time: equal numbers could share their memory.
        setup, call, teardown = (
            {
                "event": "report",
                "test": test,
                "when": when,
                "outcome": "passed",
                "xfail": False,
                "message": "",
                "seconds": number * 1e-7,
                "worker": "",
            }
            for when in PHASES
        )
        for event in ({"event": "start", "test": test}, {"before": [setup, call], **teardown}):
            record.take(json.loads(json.dumps(event)))
    return record.run(
        experiment, left_running=Status.CRASHED, seconds=1.0, exit_status=0, log=Path()
    )


def _setting(suite: Path, out: Path) -> Setting:
    setting = Setting(Target(suite, sys.executable), JOBS, 1, out)
    setting.prepare()
    return setting


def _peak() -> float:
    """Give the most that this process has had resident so far, in MiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB; on macOS bytes
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
