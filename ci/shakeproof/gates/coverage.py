"""Say whether every package is covered well enough, branches included.

Reads the JSON report of coverage.py and holds each package to a floor twice: with lines and
branches together (the figure coverage.py itself calls the coverage) and with branches alone, so
that many straight lines cannot hide untested decisions. Files outside the named packages count in
the total only.

    python -m shakeproof.gates.coverage REPORT.json --package backend/core --fail-under 80

Exit status: 0 covered, 1 below the floor, 2 the gate could not judge, 4 there is no data.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shakeproof.errors import NothingToJudgeError, ShakeproofError
from shakeproof.files import write_text
from shakeproof.gates.documents import aligned, as_object, count_at, markdown, read_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

REPORT_SCHEMA: Final = "shakeproof.coverage-report/1"
TOTAL: Final = "total"


@dataclass(frozen=True)
class Covered:
    """What of a group of files was executed."""

    files: int = 0
    lines: int = 0
    covered_lines: int = 0
    branches: int = 0
    covered_branches: int = 0

    @property
    def percent(self) -> float:
        """Lines and branches together, in percent; nothing to cover is covered."""
        return _percent(self.covered_lines + self.covered_branches, self.lines + self.branches)

    @property
    def branch_percent(self) -> float:
        """Branches alone, in percent; nothing to decide is covered."""
        return _percent(self.covered_branches, self.branches)


@dataclass(frozen=True)
class Judgement:
    """Whether one package, or the total, reaches the floor."""

    name: str
    covered: Covered
    floor: float

    @property
    def passed(self) -> bool:
        """Both figures reach the floor, unrounded: 79.999 % is below 80 %."""
        return min(self.covered.percent, self.covered.branch_percent) >= self.floor


def read_files(report: Mapping[str, object]) -> Mapping[str, Covered]:
    """Take the figures per file, by path with forward slashes, out of a coverage JSON report.

    Raises `NothingToJudgeError` when no line of any file was executed, `ShakeproofError` when
    branches were not measured or the file is of another kind.
    """
    meta = as_object(report.get("meta"), "'meta'")
    if meta.get("branch_coverage") is not True:
        raise ShakeproofError("The report was measured without branches: set branch = true.")
    entries = as_object(report.get("files"), "'files'")
    files = {
        path.replace("\\", "/"): _covered(as_object(as_object(entry, path).get("summary"), path))
        for path, entry in entries.items()
    }
    if not sum(covered.covered_lines for covered in files.values()):
        raise NothingToJudgeError(
            "The report has no data: no line of any file was executed, so the tests ran without "
            "coverage or against other files."
        )
    return files


def judge(
    files: Mapping[str, Covered], packages: Sequence[str], floor: float
) -> tuple[Judgement, ...]:
    """Hold each package and the total of all files to the floor.

    A package is a folder (`backend/core`, or as imported, `backend.core`). Raises
    `ShakeproofError` for a package without a file: it was renamed, or its name is wrong.
    """
    judgements = []
    for package in packages:
        folder = package.replace(".", "/").strip("/") + "/"
        covered = _sum(one for path, one in files.items() if path.startswith(folder))
        if not covered.files:
            raise ShakeproofError(
                f"The report holds no file of {package!r}: correct the name, or measure it."
            )
        judgements.append(Judgement(folder.rstrip("/"), covered, floor))
    return (*judgements, Judgement(TOTAL, _sum(files.values()), floor))


def table(judgements: Sequence[Judgement]) -> tuple[tuple[str, ...], ...]:
    """Return the rows people read, the heading first."""
    return (
        ("package", "files", "lines", "branches", "coverage", "of branches", "floor", "answer"),
        *(
            (
                one.name,
                str(one.covered.files),
                f"{one.covered.covered_lines}/{one.covered.lines}",
                f"{one.covered.covered_branches}/{one.covered.branches}",
                _shown(one.covered.percent),
                _shown(one.covered.branch_percent),
                f"{one.floor:g} %",
                "pass" if one.passed else "fail",
            )
            for one in judgements
        ),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = _parser().parse_args(argv)
    try:
        return _check(options)
    except ShakeproofError as error:
        sys.stderr.write(f"coverage gate: {error}\n")
        return error.exit_status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m shakeproof.gates.coverage",
        description="Is every package covered well enough, branches included?",
    )
    parser.add_argument("measured", type=Path, metavar="REPORT.json", help="from coverage json")
    parser.add_argument(
        "--package", nargs="+", action="extend", required=True, metavar="FOLDER", help="one or more"
    )
    parser.add_argument("--fail-under", type=_floor, default=80.0, metavar="PERCENT")
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="write report.json and summary.md there"
    )
    return parser


def _check(options: argparse.Namespace) -> int:
    files = read_files(read_object(options.measured))
    judgements = judge(files, options.package, options.fail_under)
    status = 0 if all(one.passed for one in judgements) else 1
    rows = table(judgements)
    sys.stdout.write(aligned(rows))
    if options.report:
        document = {
            "schema": REPORT_SCHEMA,
            "exit_status": status,
            "packages": [
                {
                    "name": one.name,
                    "floor": one.floor,
                    "passed": one.passed,
                    "percent": one.covered.percent,
                    "branch_percent": one.covered.branch_percent,
                    **asdict(one.covered),
                }
                for one in judgements
            ],
        }
        write_text(options.report / "report.json", json.dumps(document, indent=2) + "\n")
        write_text(options.report / "summary.md", f"# Coverage\n\n{markdown(rows)}")
    return status


def _floor(text: str) -> float:
    try:
        percent = float(text)
    except ValueError:
        percent = math.nan
    if not 0 <= percent <= 100:  # noqa: PLR2004 - percent
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage from 0 to 100")
    return percent


def _covered(summary: Mapping[str, object]) -> Covered:
    return Covered(
        files=1,
        lines=count_at(summary, "num_statements"),
        covered_lines=count_at(summary, "covered_lines"),
        branches=count_at(summary, "num_branches"),
        covered_branches=count_at(summary, "covered_branches"),
    )


def _sum(parts: Iterable[Covered]) -> Covered:
    every = tuple(parts)
    return Covered(
        files=sum(one.files for one in every),
        lines=sum(one.lines for one in every),
        covered_lines=sum(one.covered_lines for one in every),
        branches=sum(one.branches for one in every),
        covered_branches=sum(one.covered_branches for one in every),
    )


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 100.0


def _shown(percent: float) -> str:
    """Round down, so that what is below the floor is never shown as the floor."""
    return f"{math.floor(percent * 100) / 100:.2f} %"


if __name__ == "__main__":
    sys.exit(main())
