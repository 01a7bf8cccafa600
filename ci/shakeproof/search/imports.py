"""What files of the tests do while they are imported, and the tests that fail because of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shakeproof import orders
from shakeproof.investigate.causes import Answer
from shakeproof.investigate.imports import (
    collecting,
    culprits_of_import,
    left_by_others,
    may_be_import_polluted,
    putting_back,
)
from shakeproof.model import Experiment, ImportLook, Instability, Kind
from shakeproof.report import phrases
from shakeproof.search.explain import (
    explain_each,
    not_explained,
    say_what_was_unseen,
    what_was_left,
)
from shakeproof.search.work import paced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shakeproof.investigate.causes import Ask
    from shakeproof.model import Leak, Restoring, Suspicion
    from shakeproof.search.work import Work

# Of the budget, which watching a collection may take, and how much longer than another it is.
WATCHING_SHARE, WATCHED_AS_LONG = 0.1, 2
MOST_TESTS = 20  # that fail in every run: each takes two fresh processes at least


def watch_imports(work: Work) -> None:
    """Collect once more in a fresh process, and note what each file leaves behind by being imported."""
    book, what = work.book, "what files leave behind by being imported"
    if work.spent():
        book.left_out(what)
        return
    if WATCHED_AS_LONG * book.collecting > WATCHING_SHARE * work.budget:
        book.left_out(f"{what}: collecting once takes {book.collecting:.0f} s")
        return
    work.terminal.begin(what, 1)
    watched = Experiment(
        "imports watched",
        Kind.DECLARED,
        options=("--collect-only", "-q"),
        hash_seed=orders.HASH_SEEDS[0],
        imports=ImportLook(),
    )
    for run in work.labs.fresh.at_once(1).run([watched]):
        work.terminal.over(run)
        if not run.collected:
            book.left_out(what)
            return
        book.leaks += run.left
        say_what_was_unseen(work, run)
        left = what_was_left(run.left, "file")
        work.terminal.say(f"  1 collection watched: by being imported, {left}")


def look_at_imports(work: Work) -> None:
    """Look, of tests that fail in every run, for those that pass where fewer files are collected.

    What is done while a file is imported is there in every fork. Only processes that collect less are without it.
    """
    book = work.book
    broken = [each for each in book.suspicions if may_be_import_polluted(each)]
    for number, suspicion in enumerate(broken):
        if work.spent() or number == MOST_TESTS:
            left = phrases.plural(len(broken) - number, "failing test")
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


def explain_imports(work: Work) -> None:
    """Find out what it is that culprits do on import: by putting it back, piece by piece, right after."""
    explain_each(
        work,
        not_explained(work.book, {Instability.IMPORT_POLLUTED}),
        lambda suspicion, members: _restored(work, suspicion, members),
        lambda left: (
            f"what is done on import by {phrases.plural(left, 'file')} and makes tests fail"
        ),
    )


def _restored(work: Work, suspicion: Suspicion, members: tuple[str, ...]) -> Ask:
    """Ask in fresh processes that collect the test's own file and the culprits."""
    beside = collecting(suspicion, members, work.labs.target)
    left: tuple[Leak, ...] = ()  # in the first of them, in which nothing is put back

    def ask(ways: Sequence[Restoring]) -> list[Answer]:
        nonlocal left
        asked = [
            replace(beside, label=f"{beside.label} #{number}", imports=putting_back(way, left))
            for number, way in enumerate(ways)
        ]
        work.terminal.begin(f"what another file does on import to {suspicion.test}", len(asked))
        shown: dict[str, Answer] = {}
        for batch in paced(asked, work.jobs):
            if work.spent() and shown:
                work.book.left_out(f"some of the search for what makes {suspicion.test} fail")
                break
            for run in work.labs.fresh.at_once(work.jobs).run(batch):
                work.terminal.over(run)
                shown[run.experiment.label] = left_by_others(run, suspicion.test)
        answers = [shown.get(each.label, Answer(None)) for each in asked]
        left = left or answers[0].left
        return answers

    return ask


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
