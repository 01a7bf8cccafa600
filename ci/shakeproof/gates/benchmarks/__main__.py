"""The command line of the benchmark gate.

    python -m shakeproof.gates.benchmarks                        measure, store, compare with the last run here
    python -m shakeproof.gates.benchmarks --against [REVISION]   is the working tree slower than that revision?

Exit status: 0 pass, 1 slower, 2 nothing could be compared, 5 cannot be told, 130 interrupted.
"""

from __future__ import annotations

import argparse
import signal
import sys
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, NoReturn

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks.against import Asking, against
from shakeproof.gates.benchmarks.record import Recording, record
from shakeproof.gates.benchmarks.report import GATE
from shakeproof.gates.benchmarks.settings import read_settings
from shakeproof.gates.verdict import settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shakeproof.gates.verdict import Verdict

MOST_SEED = 2**32


def main(argv: Sequence[str] | None = None) -> int:
    """Carry the command out; return its exit status."""
    options = _parser().parse_args(argv)
    return settle(GATE, partial(_judge, options), options.out)


def _judge(options: argparse.Namespace) -> Verdict:
    _check(options)
    rootdir = options.rootdir.resolve()
    settings = read_settings(rootdir / "pyproject.toml")
    if options.against is None:
        return record(Recording(rootdir, settings, options.out, options.update, options.accept_new))
    seed = SystemRandom().randrange(MOST_SEED) if options.seed is None else options.seed
    asking = Asking(
        rootdir=rootdir,
        settings=settings,
        revision=options.against,
        seed=seed,
        accept_new=options.accept_new,
        instructions=options.instructions,
        choose=options.choose,
        own=(options.out.resolve(),),
    )
    return against(asking, _say)


def _check(options: argparse.Namespace) -> None:
    """Raise `ShakeproofError` for options that mean nothing together."""
    if options.against is None:
        for name, unset in (("instructions", False), ("choose", ""), ("seed", None)):
            if getattr(options, name) != unset:
                word = "-k" if name == "choose" else f"--{name}"
                raise ShakeproofError(f"{word} belongs to --against: add that, or leave it out.")
    elif options.update:
        raise ShakeproofError("--update stores a baseline and --against needs none: choose one.")


def _say(text: str) -> None:
    sys.stderr.write(f"  {text}\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m shakeproof.gates.benchmarks",
        description="Is the code as fast as it was? docs/benchmarks.md tells how this is decided.",
    )
    parser.add_argument(
        "--against", nargs="?", const="", metavar="REVISION",
        help="measure that revision and the working tree side by side (default: the merge base with the main branch)",
    )  # fmt: skip
    parser.add_argument(
        "--accept-new", action="store_true",
        help="let benchmarks be missing, renamed or new on one side",
    )  # fmt: skip
    parser.add_argument(
        "--update", action="store_true", help="store this run as the baseline, compare nothing"
    )
    parser.add_argument(
        "--instructions", action="store_true",
        help="with --against: also count machine instructions, under valgrind",
    )  # fmt: skip
    parser.add_argument(
        "-k", dest="choose", default="", metavar="EXPRESSION",
        help="with --against: only benchmarks that match, as for pytest",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, metavar="N", help="of the order of processes (default: random, printed)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("reports", GATE), metavar="DIR",
        help="where the report goes (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--rootdir", type=Path, default=Path(), metavar="DIR", help="the project (default: here)"
    )
    return parser


def _run() -> NoReturn:
    signal.signal(signal.SIGTERM, _terminated)
    status = main()
    sys.stdout.flush()
    raise SystemExit(status)


def _terminated(*_: object) -> NoReturn:
    """Take being told to end as Ctrl-C: worktrees and environments are removed."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    _run()
