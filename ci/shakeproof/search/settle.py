"""The runs that tell the kinds of instability apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shakeproof.investigate.follow_up import follow_ups
from shakeproof.search.work import paced

if TYPE_CHECKING:
    from shakeproof.search.work import Work

# Of the budget, added where needed: the wrong kind would be worse than a late one.
SETTLING_SHARE = 0.25
PATIENCE_SHARE = 0.1  # of the budget, for one test that fails now and then
MOST_OPEN = 10_000  # suspicions that are followed up: here the budget sets the end


def settle(work: Work) -> None:
    """Make the runs that tell the kinds apart, one at a time, until no further one would change anything."""
    book, patience = work.book, PATIENCE_SHARE * work.budget
    book.suspicions = book.judge()
    while further := follow_ups(book.suspicions, book.runs, patience=patience, most=MOST_OPEN):
        work.terminal.begin("settling what differs", len(further))
        left = len(further)
        for batch in paced(further, 1):
            if work.spent(1 + SETTLING_SHARE):
                book.left_out(f"{left:,} runs that would settle what differs")
                break
            for run in work.labs.quick.at_once(1).run(batch):
                work.terminal.made(run)
                book.runs.append(run)
            left -= len(batch)
        book.suspicions = book.judge()
        if left:
            return
