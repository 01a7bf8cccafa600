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
    from collections.abc import Sequence

    from shakeproof.investigate.causes import Ask
    from shakeproof.model import Restoring, Run, Suspicion
    from shakeproof.search.work import Work

# Not a hang: each piece that is not the cause would take the time after which a test is given up.
EXPLAINED = DEPENDENT | {Instability.CRASH}
MOST_EXPLAINED = 5  # sets of culprits of one test


def explain(work: Work) -> None:
    """Find out what culprits leave behind that makes the difference: by putting it back, piece by piece."""
    lab, book = work.labs.quick, work.book
    open_ones = [
        (each, members)
        for each in book.suspicions
        for members in each.culprits[:MOST_EXPLAINED]
        if each.kind in EXPLAINED and each.rate == 1
        if (each.test, each.reason, members) not in book.explained
    ]
    if not isinstance(lab, ForkLab):
        if open_ones:
            book.left_out("what the culprits leave behind, which takes forks")
        return
    for number, (suspicion, members) in enumerate(open_ones):
        if work.spent():
            left = phrases.plural(len(open_ones) - number, "culprit")
            book.left_out(f"what {left} leave behind")
            break
        ask = _restored(work, lab, suspicion, members)
        found = causes(ask, brittle=suspicion.kind is Instability.BRITTLE)
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
    tests = phrases.plural(len({each.by for each in book.leaks}), "test")
    pieces = phrases.plural(len({each.piece for each in book.leaks}), "piece")
    work.terminal.say(f"  1 run watched: {tests} left {pieces} of state changed")
