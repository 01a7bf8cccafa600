"""What coverage.py measured, file by file (pure).

Reads the JSON report of coverage.py, format 3: https://coverage.readthedocs.io/en/latest/commands/cmd_json.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from shakeproof.errors import NothingToJudgeError, ShakeproofError
from shakeproof.gates.documents import as_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Arc = tuple[
    int, int
]  # from a line to a line; a negative one is the end of the function that begins there


@dataclass(frozen=True)
class File:
    """Lines and branches of one file: what ran, what did not, and what was left out of account."""

    path: str  # with forward slashes, as seen from where the tests ran
    ran: frozenset[int] = frozenset()
    missing: frozenset[int] = frozenset()
    excluded: frozenset[int] = frozenset()
    taken: frozenset[Arc] = frozenset()
    not_taken: frozenset[Arc] = frozenset()

    @property
    def figures(self) -> Figures:
        """Count them."""
        return Figures(
            files=1,
            lines=len(self.ran) + len(self.missing),
            covered_lines=len(self.ran),
            branches=len(self.taken) + len(self.not_taken),
            covered_branches=len(self.taken),
            excluded=len(self.excluded),
        )


@dataclass(frozen=True)
class Figures:
    """How much of some files was executed."""

    files: int = 0
    lines: int = 0
    covered_lines: int = 0
    branches: int = 0
    covered_branches: int = 0
    excluded: int = 0  # lines

    @property
    def percent(self) -> float:
        """Lines and branches together, as coverage.py counts; nothing to cover is covered."""
        return percentage(self.covered_lines + self.covered_branches, self.lines + self.branches)

    @property
    def branch_percent(self) -> float:
        """Branches alone; nothing to decide is covered."""
        return percentage(self.covered_branches, self.branches)


def read_report(report: Mapping[str, object]) -> tuple[File, ...]:
    """Take the files out of a coverage JSON report, sorted by path.

    Raises NothingToJudgeError when no line of any file was executed, ShakeproofError when branches were not measured
    or the report is of another kind.
    """
    meta = as_object(report.get("meta"), "'meta'")
    entries = {
        path: as_object(entry, path)
        for path, entry in as_object(report.get("files"), "'files'").items()
    }
    # First: a report without data says that it has no branches, too.
    if not any(_lines(entry, "executed_lines", path) for path, entry in entries.items()):
        raise NothingToJudgeError(
            "The report has no data: no line of any file was executed, so the tests ran without "
            "coverage or against other files."
        )
    if meta.get("branch_coverage") is not True:
        raise ShakeproofError("The report was measured without branches: set branch = true.")
    return tuple(_file(path.replace("\\", "/"), entry) for path, entry in sorted(entries.items()))


def total(files: Iterable[File]) -> Figures:
    """Add the figures of files."""
    every = tuple(file.figures for file in files)
    return Figures(
        files=len(every),
        lines=sum(one.lines for one in every),
        covered_lines=sum(one.covered_lines for one in every),
        branches=sum(one.branches for one in every),
        covered_branches=sum(one.covered_branches for one in every),
        excluded=sum(one.excluded for one in every),
    )


def below(files: Iterable[File], folder: str) -> tuple[File, ...]:
    """Pick the files of a package: all below its folder, sub-packages included."""
    return tuple(file for file in files if within(file.path, folder))


def within(path: str, folder: str) -> bool:
    """Tell whether a path is a folder of the project or below it; all is below `.`, the project itself."""
    return folder in (".", path) or path.startswith(f"{folder}/")


def percentage(part: int, whole: int) -> float:
    """Give a share in percent; the whole of nothing is all of it."""
    return 100.0 * part / whole if whole else 100.0


def _file(path: str, entry: Mapping[str, object]) -> File:
    return File(
        path=path,
        ran=_lines(entry, "executed_lines", path),
        missing=_lines(entry, "missing_lines", path),
        excluded=_lines(entry, "excluded_lines", path),
        taken=_arcs(entry, "executed_branches", path),
        not_taken=_arcs(entry, "missing_branches", path),
    )


def _lines(entry: Mapping[str, object], key: str, path: str) -> frozenset[int]:
    found = entry.get(key)
    if not isinstance(found, list) or not all(isinstance(line, int) for line in found):
        raise ShakeproofError(f"{path} has no {key!r}: this is no report of coverage json.")
    return frozenset(cast("list[int]", found))


def _arcs(entry: Mapping[str, object], key: str, path: str) -> frozenset[Arc]:
    found = entry.get(key)
    if not isinstance(found, list) or not all(
        isinstance(arc, list) and [type(end) for end in arc] == [int, int] for arc in found
    ):
        raise ShakeproofError(f"{path} has no {key!r}: this is no report of coverage json.")
    return frozenset((one, other) for one, other in cast("list[list[int]]", found))
