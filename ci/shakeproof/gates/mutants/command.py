"""The command line of the mutants."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from shakeproof.files import make_folder
from shakeproof.gates.mutants.mutating import MUTMUT, mutate
from shakeproof.gates.mutants.results import GATE, verdict
from shakeproof.gates.mutants.targets import read_targets
from shakeproof.gates.pyproject import read_pyproject
from shakeproof.gates.verdict import Verdict, settle

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str], mutmut: Sequence[str] = MUTMUT) -> int:
    """Mutate and judge; return 0 pass, 1 fail, 2 error, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m shakeproof.gates.mutants",
        description="Do the tests notice when the code is wrong? Takes many minutes, at low priority.",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="of [tool.shakeproof.mutants.NAME] (default: all)"
    )
    parser.add_argument("--root", type=Path, default=Path(), help="the project (default: here)")
    parser.add_argument("--out", type=Path, required=True, help="where the reports go")
    options = parser.parse_args(argv)
    return settle(GATE, lambda: _judge(options, mutmut), options.out)


def _judge(options: argparse.Namespace, mutmut: Sequence[str]) -> Verdict:
    root: Path = options.root.absolute()
    targets = read_targets(read_pyproject(root / "pyproject.toml"), options.names)
    make_folder(options.out)
    outcomes = []
    for target in targets:
        sys.stderr.write(
            f"  mutating {target.module}; how far it is: {options.out / target.name}.txt\n"
        )
        outcomes.append(mutate(target, root, options.out, mutmut))
    return verdict(outcomes)
