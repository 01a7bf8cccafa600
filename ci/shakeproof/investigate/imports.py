"""Tests whose outcome depends on which files were collected (pure: the laboratory is an argument).

Three modules assign the same environment variable while they are imported: the last one collected wins, in every order
and in every worker, for all of them import everything.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from shakeproof.investigate.causes import Answer
from shakeproof.investigate.classify import is_failing_test
from shakeproof.investigate.commands import seen_from, without_paths
from shakeproof.investigate.culprits import minimal
from shakeproof.model import Experiment, ImportLook, Instability, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shakeproof.investigate.culprits import HoldsBehind
    from shakeproof.lab.base import Target
    from shakeproof.model import Leak, Restoring, Run, Suspicion

MOST_PIECES = 30  # that are put back one by one: each takes a fresh process
CONFTEST = "conftest.py"


def may_be_import_polluted(suspicion: Suspicion) -> bool:
    """Tell whether it could pass if fewer files were collected: it fails in every run, and is a test."""
    return suspicion.kind is Instability.BROKEN and is_failing_test(suspicion)


def collecting(suspicion: Suspicion, beside: Sequence[str], target: Target) -> Experiment:
    """Plan to run the test alone, with only its own file and these collected, as they come in the suite."""
    own, *_ = suspicion.test.partition("::")
    example = suspicion.example
    wanted = {own, *beside}
    files = [file for file in example.files if file in wanted]
    paths = seen_from(target.rootdir, example.rootdir, files)
    return Experiment(
        label=f"{suspicion.test} beside {' and '.join(beside) or 'no other file'}",
        kind=Kind.REPLAY,
        arguments=(*without_paths(target.pytest_arguments, example), *paths),
        tests=(suspicion.test,),
    )


def culprits_of_import(
    files: Sequence[str], fails_beside: HoldsBehind
) -> tuple[tuple[str, ...], ...]:
    """Find the files one of which is enough to make it fail; where there is none, a minimal set of them.

    Fresh processes are dear: one culprit is found by halving, then it is asked of each file that is left whether it
    would do so by itself.
    """
    if fails_beside([tuple(files)]) != [True]:
        return ()
    first = minimal(files, fails_beside)
    if len(first) > 1:
        return (first,)
    others = [file for file in files if file not in first]
    alone = fails_beside([(file,) for file in others])
    return (first, *((file,) for file, fails in zip(others, alone, strict=True) if fails))


def left_by_others(run: Run, test: str) -> Answer:
    """Say how a test fared where its own file and others were collected, and what those others changed on import.

    A conftest.py that stands above the test is loaded with its own file alone as well: it makes no difference.
    """
    others = [each for each in run.left if not _comes_with(each.by, test)]
    pieces = list(dict.fromkeys(each.piece for each in others))[:MOST_PIECES]
    asked = [each for each in others if each.piece in pieces]
    last = {each.piece: replace(each, by="") for each in asked}
    return Answer(run.came_through(test), (*last.values(), *asked))


def _comes_with(file: str, test: str) -> bool:
    own, *_ = test.partition("::")
    path = PurePosixPath(file)
    return file == own or (path.name == CONFTEST and path.parent in PurePosixPath(own).parents)


def putting_back(way: Restoring, left: Sequence[Leak]) -> ImportLook:
    """Have pieces put back after the import of each file that was seen to change them."""
    named = [(each.by, *each.piece) for each in left if each.by and each.piece in way.pieces]
    return ImportLook(thorough=True, put_back=tuple(named))
