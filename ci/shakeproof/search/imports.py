"""Tests that fail because of what another file does while it is imported."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shakeproof.investigate.imports import (
    collecting,
    culprits_of_import,
    may_be_import_polluted,
)
from shakeproof.model import Instability
from shakeproof.report import words
from shakeproof.search.work import paced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shakeproof.model import Suspicion
    from shakeproof.search.work import Work

MOST_TESTS = 20  # that fail in every run: each takes two fresh processes at least


def look_at_imports(work: Work) -> None:
    """Look, of tests that fail in every run, for those that pass where fewer files are collected.

    What is done while a file is imported is there in every fork. Only processes that collect less are without it.
    """
    book = work.book
    broken = [each for each in book.suspicions if may_be_import_polluted(each)]
    for number, suspicion in enumerate(broken):
        if work.spent() or number == MOST_TESTS:
            left = words.plural(len(broken) - number, "failing test")
            book.left_out(f"collecting the file of {left} without the others")
            break
        own, *_ = suspicion.test.partition("::")
        files = tuple(file for file in suspicion.example.files if file != own)
        if not files:
            continue

        def fails_beside(
            sets: Sequence[tuple[str, ...]], suspicion: Suspicion = suspicion
        ) -> list[bool]:
            return [passed is False for passed in _beside(work, suspicion, sets)]

        # It must fail in a fresh process as well: else it is the laboratory in which it does.
        if _beside(work, suspicion, [(), files]) == [True, False]:
            work.terminal.say(f"  collected without the other files, {suspicion.test} passes")
            found = culprits_of_import(files, fails_beside)
            book.accuse(replace(suspicion, kind=Instability.IMPORT_POLLUTED, culprits=found))
    book.suspicions = book.suspected()


def _beside(work: Work, suspicion: Suspicion, sets: Sequence[tuple[str, ...]]) -> list[bool | None]:
    """Tell for each set of files whether the test comes through where they are collected besides its own."""
    asked = [collecting(suspicion, beside, work.labs.target) for beside in sets]
    work.terminal.begin(f"collecting {suspicion.test} with other files", len(asked))
    shown: dict[str, bool | None] = {}
    for batch in paced(asked, work.jobs):
        if work.spent() and len(asked) > 1:
            work.book.left_out(f"some of the search for the file that makes {suspicion.test} fail")
            break
        for run in work.labs.fresh.at_once(work.jobs).run(batch):
            work.terminal.over(run)
            shown[run.experiment.label] = run.came_through(suspicion.test)
    return [shown.get(each.label) for each in asked]
