"""The command line: from arguments to one function per command."""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from shakeproof import __version__, orders
from shakeproof.casebook import Setting
from shakeproof.compare import Comparison, compare
from shakeproof.errors import ShakeproofError
from shakeproof.investigate import conditions
from shakeproof.lab.base import Target
from shakeproof.replay import replay
from shakeproof.report.former import brought_back
from shakeproof.report.terminal import Terminal, wants_colour
from shakeproof.show import show
from shakeproof.stability import Question, stability

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from shakeproof.model import Report

NOT_REPRODUCED, INTERRUPTED = 1, 130
ASKING_PYTEST = ("stability", "compare")  # the commands that run what the user tells pytest
LARGEST_NUMBER = 2**32  # seeds of pytest-randomly and of hashing end here
MOST_DIGITS = 10
MOST_RUNS = 10_001  # more are a seed where a number of runs was meant
MOST_JOBS = 1000
LONGEST_TIMEOUT = 1e6  # seconds


def run() -> NoReturn:
    """Be the program: answer, and exit with the documented status."""
    signal.signal(signal.SIGTERM, _terminated)
    status = main(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has seen enough; the verdict stands
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(status)


def main(argv: Sequence[str]) -> int:
    """Carry out one command and return its exit status.

    0 stable, 1 unstable, 2 usage or configuration error, 3 failing in every run, 4 nothing to judge, 130 interrupted.
    """
    own, pytest_arguments = _split(argv)
    arguments = _parsed(own, pytest_arguments)
    terminal = Terminal(
        colour=wants_colour(arguments.color, sys.stdout, os.environ),
        quiet=arguments.quiet,
        verbose=arguments.verbose,
    )
    try:
        if arguments.command == "show":
            show(arguments.out, arguments.finding, terminal)
            return 0
        if arguments.command == "replay":
            return 0 if replay(arguments.out, arguments.finding, terminal) else NOT_REPRODUCED
        with brought_back(arguments.out.resolve(), arguments.json):
            report = _ask(arguments, pytest_arguments, terminal)
    except ShakeproofError as error:
        terminal.complain(f"shakeproof: {error}")
        return error.exit_status
    except KeyboardInterrupt:
        terminal.complain("shakeproof: interrupted before the first run had ended.")
        return INTERRUPTED
    terminal.report(report, os.path.relpath(arguments.out))
    return report.exit_status


def _ask(
    arguments: argparse.Namespace, pytest_arguments: tuple[str, ...], terminal: Terminal
) -> Report:
    seed = arguments.seed
    master_seed = random.SystemRandom().randrange(2**31) if seed is None else seed
    setting = _setting(arguments, pytest_arguments, master_seed)
    if arguments.command == "stability":
        return stability(
            Question(
                setting=setting,
                repeat=arguments.repeat,
                seeds=arguments.seeds,
                budget=arguments.budget,
                runner=arguments.runner,
                conditions=arguments.conditions,
            ),
            terminal,
        )
    seeds = arguments.seeds
    if isinstance(seeds, int):
        seeds = orders.shuffle_seeds(seeds, master_seed)
    if arguments.repeat + len(seeds) + arguments.parallel <= 1:
        raise ShakeproofError(
            "There is nothing to compare: ask for two runs or more with --repeat, --seeds, --parallel."
        )
    return compare(
        Comparison(
            setting=setting, repeat=arguments.repeat, seeds=seeds, parallel=arguments.parallel
        ),
        terminal,
    )


def _setting(
    arguments: argparse.Namespace, pytest_arguments: tuple[str, ...], master_seed: int
) -> Setting:
    return Setting(
        target=Target(
            rootdir=arguments.rootdir.resolve(),
            python=arguments.python,
            pytest_arguments=pytest_arguments,
            timeout=arguments.timeout,
        ),
        jobs=arguments.jobs,
        master_seed=master_seed,
        out=arguments.out.resolve(),
        json=arguments.json,
    )


def _split(argv: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Part our arguments from pytest's, at the first `--`."""
    words = list(argv)
    if "--" not in words:
        return words, ()
    place = words.index("--")
    return words[:place], tuple(words[place + 1 :])


def _parsed(own: Sequence[str], pytest_arguments: tuple[str, ...]) -> argparse.Namespace:
    """Understand the arguments, or end as argparse does: with a sentence, and status 2."""
    parser = _parser()
    arguments, unknown = parser.parse_known_args(own)
    asks_pytest = arguments.command in ASKING_PYTEST
    if unknown:
        hint = f": what is for pytest comes behind `--`, as in `{parser.prog} {arguments.command} -- {unknown[0]}`"
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint if asks_pytest else ''}")
    if pytest_arguments and not asks_pytest:
        parser.error(
            f"`{arguments.command}` takes nothing for pytest: leave out what comes behind `--`"
        )
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="shakeproof",
        description="Prove that a pytest suite is stable, or name what makes it unstable.",
        epilog="exit status: 0 stable, 1 unstable, 2 usage or configuration error, "
        "3 no instability but tests that fail in every run, 4 nothing to judge, 130 interrupted",
    )
    parser.add_argument("--version", action="version", version=f"shakeproof {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    usage = "%(prog)s [OPTIONS] [-- PYTEST_ARGS...]"
    for_pytest = "What follows `--` is for pytest: paths, -k, -m, -p, -o and so on."
    finding = commands.add_parser(
        "stability",
        help="find every unstable test and name its culprits",
        description="Find every unstable test of a pytest project, name its kind and its culprits, and confirm each "
        "finding in a fresh process.",
        usage=usage,
        epilog=for_pytest,
    )
    finding.add_argument(
        "--seeds", type=_seeds_or_auto, default=None, metavar="N|auto",
        help="runs in shuffled order; auto (default): at least 5, then more while new unstable tests are likely",
    )  # fmt: skip
    finding.add_argument(
        "--budget", type=_seconds, default=300.0, metavar="SECONDS",
        help="stop starting new experiments after this long; what was gathered is reported (default: 300)",
    )  # fmt: skip
    finding.add_argument(
        "--runner", choices=("auto", "fork", "fresh"), default="auto",
        help="fork a process that has collected, or start fresh ones (default: fork where that is safe)",
    )  # fmt: skip
    finding.add_argument(
        "--conditions", type=_conditions, default=conditions.names(), metavar="all|none|NAME,...",
        help="what about the machine is changed, one thing at a time: "
        f"{', '.join(conditions.names())} (default: all)",
    )  # fmt: skip
    comparing = commands.add_parser(
        "compare",
        help="run the suite several times and compare outcomes test by test",
        description="Run the suite in fresh processes as you run it every day - in its order, shuffled by "
        "pytest-randomly, spread by pytest-xdist - and compare the outcomes test by test.",
        usage=usage,
        epilog=for_pytest,
    )
    comparing.add_argument(
        "--seeds", type=_seeds, default=(), metavar="N|S,S,...",
        help="shuffled runs: how many, or with which seeds (one seed: `7,`)",
    )  # fmt: skip
    comparing.add_argument(
        "--parallel", action="store_true", help="also one run spread over all cores by pytest-xdist"
    )
    for command in (finding, comparing):
        _add_common_options(command)
    replaying = commands.add_parser(
        "replay",
        help="run a finding's reproduction again",
        description="Run the reproduction of a finding again, as the report has it; exit status 0 if it reproduces.",
    )
    replaying.add_argument("finding", metavar="FINDING_ID", help="as the report has it: F1")
    showing = commands.add_parser(
        "show",
        help="print the last report, or one finding in full",
        description="Print the last report, or one of its findings with everything that is known.",
    )
    showing.add_argument(
        "finding", metavar="FINDING_ID", nargs="?", help="as the report has it: F1"
    )
    for command in (finding, comparing, replaying, showing):
        _add_output_options(command)
    return parser


def _add_common_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--repeat", type=_runs, default=10, metavar="N",
        help="runs in the declared order (default: 10)",
    )  # fmt: skip
    command.add_argument(
        "--rootdir", type=Path, default=Path(), metavar="DIR",
        help="project under test (default: the current directory)",
    )  # fmt: skip
    command.add_argument(
        "--python", type=_program, default=sys.executable, metavar="PATH",
        help="its interpreter (default: the one running shakeproof, which need not be installed there)",
    )  # fmt: skip
    command.add_argument(
        "--seed", type=_count, default=None, metavar="N",
        help="master seed, from which the others are drawn (default: random)",
    )  # fmt: skip
    command.add_argument(
        "--jobs", type=_jobs, default=os.cpu_count() or 1, metavar="N",
        help="runs at a time (default: one for each core)",
    )  # fmt: skip
    command.add_argument(
        "--timeout", type=_seconds, default=60.0, metavar="SECONDS",
        help="per test; past it the test is a `hang` (default: 60)",
    )  # fmt: skip
    command.add_argument("--json", type=Path, metavar="FILE", help="also write the report there")


def _add_output_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--out", type=Path, default=Path(".shakeproof"), metavar="DIR",
        help="report directory (default: .shakeproof)",
    )  # fmt: skip
    how_much = command.add_mutually_exclusive_group()
    how_much.add_argument("--quiet", action="store_true", help="print the report only")
    how_much.add_argument("--verbose", action="store_true", help="print every run as well")
    command.add_argument("--color", choices=("auto", "always", "never"), default="auto")


def _seeds_or_auto(text: str) -> int | None:
    return None if text == "auto" else _whole_number(text, below=MOST_RUNS, otherwise=", or auto")


def _conditions(text: str) -> tuple[str, ...]:
    known = conditions.names()
    if text in {"all", "none"}:
        return known if text == "all" else ()
    wanted = tuple(part.strip() for part in text.split(","))
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"{unknown[0]!r} is no condition: name some of {', '.join(known)}, or all, or none"
        )
    return wanted


def _count(text: str) -> int:
    return _whole_number(text)


def _runs(text: str) -> int:
    return _whole_number(text, below=MOST_RUNS)


def _jobs(text: str) -> int:
    return _whole_number(text, least=1, below=MOST_JOBS)


def _whole_number(
    text: str, *, least: int = 0, below: int = LARGEST_NUMBER, otherwise: str = ""
) -> int:
    if not text.isdecimal() or len(text) > MOST_DIGITS or not least <= int(text) < below:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number from {least} to {below - 1}{otherwise}"
        )
    return int(text)


def _program(text: str) -> str:
    """Understand a path from where the user is, not from the project; a bare name is looked up as always."""
    return str(Path(text).absolute()) if os.sep in text else text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < LONGEST_TIMEOUT:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seconds above 0 and below {LONGEST_TIMEOUT:.0f}"
        )
    return seconds


def _seeds(text: str) -> int | tuple[int, ...]:
    if "," not in text:
        return _whole_number(text, below=MOST_RUNS, otherwise=", or a list of seeds such as 7,8")
    listed = text.removesuffix(",")  # one seed is written `7,`
    seeds = tuple(_count(part.strip()) for part in listed.split(","))
    if len(set(seeds)) < len(seeds):
        raise argparse.ArgumentTypeError(f"{text!r} names a seed twice")
    return seeds


def _terminated(_signal: int, _frame: FrameType | None) -> NoReturn:
    """End as on Ctrl-C, so that a report is written and nothing is left running."""
    raise KeyboardInterrupt
