"""What culprits leave behind that makes the difference, and what else is left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shakeproof import orders
from shakeproof.investigate.causes import Answer, causes
from shakeproof.investigate.classify import DEPENDENT
from shakeproof.lab.fork import ForkLab
from shakeproof.model import Experiment, Instability, Kind
from shakeproof.report import phrases

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from shakeproof.casebook import Casebook
    from shakeproof.investigate.causes import Ask
    from shakeproof.model import Leak, Restoring, Run, Suspicion
    from shakeproof.search.work import Work

    Culprits = tuple[Suspicion, tuple[str, ...]]  # of a test: one set that is enough

# Not a hang: each piece that is not the cause would take the time after which a test is given up.
EXPLAINED = DEPENDENT | {Instability.CRASH}
MOST_EXPLAINED = 5  # sets of culprits of one test


def explain(work: Work) -> None:
    """Find out what culprits leave behind that makes the difference: by putting it back, piece by piece."""
    lab, book = work.labs.quick, work.book
    open_ones = not_explained(book, EXPLAINED)
    if isinstance(lab, ForkLab):
        explain_each(
            work,
            open_ones,
            lambda suspicion, members: _restored(work, lab, suspicion, members),
            lambda left: f"what {phrases.plural(left, 'culprit')} leave behind",
        )
    elif open_ones:
        book.left_out("what the culprits leave behind, which takes forks")


def not_explained(book: Casebook, kinds: Collection[Instability]) -> list[Culprits]:
    """List the sets of culprits of tests of these kinds of which it is open what they do."""
    return [
        (each, members)
        for each in book.suspicions
        for members in each.culprits[:MOST_EXPLAINED]
        if each.kind in kinds and each.rate == 1
        if (each.test, each.reason, members) not in book.explained
    ]


def explain_each(
    work: Work,
    open_ones: Sequence[Culprits],
    asking: Callable[[Suspicion, tuple[str, ...]], Ask],
    left_out: Callable[[int], str],
) -> None:
    """Find out what each set of culprits does, until the budget is spent; then say what is left out."""
    book = work.book
    for number, (suspicion, members) in enumerate(open_ones):
        if work.spent():
            book.left_out(left_out(len(open_ones) - number))
            break
        found = causes(asking(suspicion, members), brittle=suspicion.kind is Instability.BRITTLE)
        book.explained[suspicion.test, suspicion.reason, members] = found
    book.suspicions = book.suspected()


def _restored(work: Work, lab: ForkLab, suspicion: Suspicion, members: tuple[str, ...]) -> Ask:
    stem = Experiment(
        f"behind {members[-1]}",
        Kind.REPLAY,
        tests=members,
        hash_seed=suspicion.example.experiment.hash_seed,
    )

    def ask(ways: Sequence[Restoring]) -> list[Answer]:
        work.terminal.begin(f"what makes {suspicion.test} depend on order", len(ways))
        shown: dict[Restoring, Answer] = {}
        for way, run in lab.at_once(work.jobs).restored(stem, (suspicion.test,), ways):
            work.terminal.over(run)
            shown[way] = Answer(run.came_through(suspicion.test), run.left)
        return [shown.get(way, Answer(None)) for way in ways]

    return ask


def say_what_was_unseen(work: Work, run: Run) -> None:
    """Say what could not be looked at in a run, once, and note it as left out."""
    for note in run.notes:
        what = f"a look at all of the state: {note}"
        if what not in work.book.incomplete:
            work.terminal.say(f"  note: {note}")
            work.book.left_out(what)


def what_was_left(leaks: Collection[Leak], noun: str) -> str:
    """Say how many tests, or files, left how much changed."""
    by, pieces = {each.by for each in leaks}, {each.piece for each in leaks}
    return f"{phrases.plural(len(by), noun)} left {phrases.plural(len(pieces), 'piece')} of state changed"


def watch(work: Work) -> None:
    """Run the declared order once more, and note what each test leaves behind, whether anybody minds or not."""
    lab, book = work.labs.quick, work.book
    if not isinstance(lab, ForkLab) or work.spent():
        book.left_out("what tests leave behind that nobody minds")
        return
    work.terminal.begin("what tests leave behind", 1)
    watched = Experiment("watched", Kind.DECLARED, hash_seed=orders.HASH_SEEDS[0])
    for run in lab.at_once(1).watched(work.without_deadly(watched)):
        work.terminal.over(run)
        book.leaks = run.left
        say_what_was_unseen(work, run)
    work.terminal.say(f"  1 run watched: {what_was_left(book.leaks, 'test')}")
