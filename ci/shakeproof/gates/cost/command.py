"""The command line of the suite's cost."""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.files import make_folder, write_text
from shakeproof.gates import pages
from shakeproof.gates.cost.arms import arms, worker_counts
from shakeproof.gates.cost.judging import GATE, verdict
from shakeproof.gates.cost.page import log_line, results, trend
from shakeproof.gates.cost.running import Bounds, Measured, auto_workers, measure
from shakeproof.gates.cost.settings import read_settings
from shakeproof.gates.coverage.repository import head
from shakeproof.gates.machine import Machine, this_machine
from shakeproof.gates.pyproject import read_pyproject
from shakeproof.gates.verdict import Verdict, masked, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shakeproof.gates.cost.judging import Extent

PAGE: Final = "docs/performance.md"
LOG: Final = "history.jsonl"
ROUNDS: Final = 3
BUDGET: Final = 1800.0  # seconds
LONGEST: Final = 1e6


def main(argv: Sequence[str]) -> int:
    """Measure the suite and judge its cost; return 0 pass, 1 fail, 2 error, 5 inconclusive, 130 interrupted."""
    at = list(argv).index("--") if "--" in argv else len(argv)
    options = _parser().parse_args(argv[:at], argparse.Namespace(pytest=argv[at + 1 :]))
    return settle(GATE, lambda: _judge(options), options.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m shakeproof.gates.cost",
        usage="%(prog)s --out DIR [OPTIONS] [-- PYTEST_ARGS...]",
        description="What does the whole suite cost, and where does its time go? Takes several minutes; what else the "
        "machine does shows.",
    )
    parser.add_argument("--root", type=Path, default=Path(), help="the project (default: here)")
    parser.add_argument("--out", type=Path, required=True, help="where the reports go")
    parser.add_argument(
        "--rounds", type=_count, help=f"runs of each way (default: {ROUNDS}; with --quick always 1)"
    )
    parser.add_argument(
        "--budget", type=_seconds, default=BUDGET, metavar="SECONDS",
        help="start no run that would end later (default: %(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a few tests, once: whether it works, not what it costs",
    )
    parser.add_argument(
        "--write",
        nargs="?",
        const=PAGE,
        metavar="PAGE",
        help=f"put the results into this page (default: {PAGE}); of the whole suite only",
    )
    return parser


def _judge(options: argparse.Namespace) -> Verdict:
    """Read and try first all that could be wrong: nobody measures for minutes to hear it afterwards."""
    root: Path = options.root.absolute()
    extent = _extent(options)
    make_folder(options.out)
    settings = read_settings(read_pyproject(root / "pyproject.toml"))
    page = None if options.write is None else root / options.write
    text = None if page is None else pages.read(page)
    history = _history(options.out / LOG)
    commit = head(root)
    machine = this_machine()
    bounds = Bounds(1 if options.quick else options.rounds or ROUNDS, options.budget)
    arguments = (*(settings.quick if options.quick else settings.pytest), *options.pytest)
    auto = auto_workers(arguments, root)
    ways = arms(settings, worker_counts(machine.cores, auto))
    loads = [os.getloadavg()[0]]
    measured = replace(measure(ways, arguments, root, bounds, say=_say), auto=auto)
    loads.append(os.getloadavg()[0])
    conditions = _conditions(machine, measured, loads)
    seen = masked(
        _with_trend(verdict(settings, machine, measured, (conditions,), extent), history, machine)
    )
    _log(options.out / LOG, log_line(seen, _now(), commit, extent))
    if page is not None and text is not None:
        write_text(page, pages.replaced(text, results(seen, conditions)))
    return seen


def _extent(options: argparse.Namespace) -> Extent:
    """Say how much of the suite is run; raise `ShakeproofError` for options that mean nothing together."""
    if options.quick and options.rounds is not None:
        raise ShakeproofError(
            "--quick is one round, whatever --rounds says: leave one of them out."
        )
    extent: Extent = "trial" if options.quick else "part" if options.pytest else "whole"
    if options.write is not None and extent != "whole":
        raise ShakeproofError(
            "--write is for what the whole suite costs: leave out --quick and what follows the last `--`."
        )
    return extent


def _conditions(machine: Machine, measured: Measured, loads: Sequence[float]) -> str:
    runs = sum(len(each) for each in measured.runs.values())
    before, after = loads
    return (
        f"Measured on {time.strftime('%Y-%m-%d', time.gmtime())}, {machine}: {runs} runs in {measured.seconds:.0f} s, "
        f"each way once a round in an order that changes; medians, and in brackets the range. `-n auto` makes "
        f"{measured.auto} workers here. Load average "
        f"{before:.1f} before and {after:.1f} after."
    )


def _history(log: Path) -> Sequence[str]:
    lines = _text(log).splitlines() if log.exists() else ()
    _log(log)
    return lines


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _with_trend(seen: Verdict, history: Sequence[str], machine: Machine) -> Verdict:
    before = trend(history, asdict(machine))
    return seen if before is None else replace(seen, tables=(*seen.tables, before))


def _log(log: Path, line: str = "") -> None:
    """Add one line; what is there stays. Without a line this only tries whether there could be one."""
    try:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n" if line else "")
    except OSError as error:
        raise ShakeproofError(f"{log} cannot be written: {error.strerror}.") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ShakeproofError(f"{path} cannot be read: {error.strerror}.") from error


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 up")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < LONGEST:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seconds above 0 and below {LONGEST:.0f}"
        )
    return seconds


def _say(sentence: str) -> None:
    """Tell how far it has come, on stderr: stdout is for the answer."""
    sys.stderr.write(f"  {sentence}\n")
    sys.stderr.flush()
