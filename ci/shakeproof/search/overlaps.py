"""Which tests must run at the same time so that one of them fails, and what both use."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shakeproof import orders
from shakeproof.investigate.classify import in_company
from shakeproof.investigate.confirm import shows
from shakeproof.investigate.overlaps import (
    GUESS,
    MOST_CANDIDATES,
    candidates,
    controls_needed,
    may_overlap,
    shared,
)
from shakeproof.model import Experiment, Kind
from shakeproof.report import phrases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shakeproof.investigate.overlaps import Overlap
    from shakeproof.model import Suspicion, Touch
    from shakeproof.search.work import Work

ROUNDS = 5  # in which two tests run at the same time
FEWEST_HITS, ENOUGH_HITS = 2, 3  # of these, for the other test to be accused
SHARE = 0.8  # of the budget: pairs want some of it as well
LOOP_SECONDS = 1.0  # for which each of two tests is repeated, so that they are sure to overlap
MOST_TURNS = 50

Turns = tuple[int, int]  # of the test, and of the other
ONCE: Turns = (1, 1)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Two tests of which the first was seen to fail while both ran at the same time, and passed by itself."""

    overlap: Overlap
    turns: Turns
    hits: int
    rounds: int


def find_overlaps(work: Work) -> None:
    """Find, for tests that fail only beside other runs, which test has to run at the same time: mostly one will do."""
    book = work.book
    open_ones = [
        each
        for each in book.suspicions
        if may_overlap(each) and (each.test, each.reason) not in book.accused
    ]
    if not open_ones:
        return
    touches = None if work.spent(SHARE) else _touches(work)
    suspects = tuple(dict.fromkeys(each.test for each in open_ones))
    for number, suspicion in enumerate(open_ones):
        if touches is None or work.spent(SHARE):
            left = phrases.plural(len(open_ones) - number, "test")
            book.left_out(f"what {left} must overlap with to fail")
            break
        found = candidates(suspicion.test, *touches, suspects)
        _Search(work, suspicion).ask(found)
    book.suspicions = book.suspected()


def _touches(work: Work) -> tuple[Sequence[Touch], Sequence[Touch]] | None:
    """Run the suite twice, one run after the other, and note what each test uses; None where that went wrong."""
    work.terminal.begin("which files, ports and databases tests use", 2)
    plan = [
        work.without_deadly(
            Experiment(
                f"uses #{number}", Kind.DECLARED, hash_seed=orders.HASH_SEEDS[0], touches=True
            )
        )
        for number in (1, 2)
    ]
    found = []
    for run in work.labs.quick.at_once(1).run(plan):
        work.terminal.over(run)
        found.append(run.touched)
        if work.overdue:
            return None
    one, two = found
    return one, two


class _Search:
    """The search for those who must overlap with one test."""

    def __init__(self, work: Work, suspicion: Suspicion) -> None:
        self._work = work
        self._suspicion = suspicion
        self._test = suspicion.test
        self._passed: dict[int, int] = {}  # by itself, by the number of turns: how often

    def ask(self, found: Sequence[Overlap]) -> None:
        """Run the test beside each candidate, and note those beside which it fails."""
        hits = self._hits(found)
        # Who meets another test is told before who meets itself: a suite that is spread over workers runs a test once.
        hits.sort(key=lambda each: each.overlap.other == self._test)
        if not hits:
            self._not_found(found)
            return
        culprits = tuple((self._test, each.overlap.other) for each in hits)
        for each, members in zip(hits, culprits, strict=True):
            self._explain(members, each)
        turns = ONCE, self._loops(hits[0].overlap.other)
        self._work.book.accuse(replace(self._suspicion, culprits=culprits, turns=turns))

    def _hits(self, found: Sequence[Overlap]) -> list[_Shown]:
        """Ask the likely ones, and those that are less likely only where none of these is one."""
        hits: list[_Shown] = []
        for _, same in itertools.groupby(found[:MOST_CANDIDATES], lambda each: each.doubt):
            if hits:
                break
            for overlap in same:
                if self._spent():
                    self._work.book.left_out(
                        f"some of the search for what {self._test} overlaps with"
                    )
                    return hits
                if shown := self._beside(overlap):
                    hits.append(shown)
        worth_asking = hits[-1].overlap.doubt if hits else GUESS
        left = sum(each.doubt <= worth_asking for each in found[MOST_CANDIDATES:])
        if left:
            tests = phrases.plural(left, "more test")
            self._work.book.left_out(f"whether {self._test} fails beside {tests}")
        return hits

    def _not_found(self, found: Sequence[Overlap]) -> None:
        """Say what is used by the test and by others, where no two tests were enough."""
        self._work.book.left_out(
            f"what {self._test} must overlap with to fail: no two tests that were tried are enough"
        )
        key = self._suspicion.test, self._suspicion.reason, ()
        sharing = [each for each in found if each.pieces]
        sharing.sort(key=lambda each: (each.doubt, each.other == self._test))
        self._work.book.explained[key] = shared(sharing[0]) if sharing else ()
        self._work.book.accuse(self._suspicion)

    def _beside(self, overlap: Overlap) -> _Shown | None:
        """Run the two at the same time: once each, then so often that they are sure to meet."""
        for turns in (ONCE, self._loops(overlap.other)):
            hits = rounds = 0
            while rounds < ROUNDS and hits < ENOUGH_HITS and hits + ROUNDS - rounds >= FEWEST_HITS:
                rounds += 1
                # Mostly the second one fails; but not always.
                hits += self._fails(overlap.other, turns, first=not rounds % 2)
            needed = controls_needed(hits, rounds) if hits >= FEWEST_HITS else None
            if needed is not None and self._passes_alone(turns[0], needed):
                return _Shown(overlap, turns, hits, rounds)
        return None

    def _spent(self) -> bool:
        return self._work.spent(SHARE)

    def _loops(self, other: str) -> Turns:
        """Say how often each test is repeated: for about as long as the other."""
        first, second = (self._seconds(test) for test in (self._test, other))
        longest = max(LOOP_SECONDS, first, second)
        return tuple(  # type: ignore[return-value]  # of two
            max(2, min(MOST_TURNS, int(longest / max(seconds, 0.001))))
            for seconds in (first, second)
        )

    def _seconds(self, test: str) -> float:
        """Say how long a test takes: where it failed, that may be less."""
        known = (self._suspicion.example, self._suspicion.opposite)
        seen = (o.seconds for run in known if run for o in run.outcomes if o.test == test)
        return max(seen, default=LOOP_SECONDS)

    def _fails(
        self,
        other: str,
        turns: Turns,
        *,
        first: bool = False,
        shares_temporary: bool = True,
    ) -> bool:
        """Tell whether the test fails, as it was seen to, in a process beside another; as the first to begin or not."""
        mine = self._plan(self._test, turns[0], shares_temporary=shares_temporary)
        theirs = self._plan(other, turns[1], shares_temporary=shares_temporary)
        both = [mine, theirs] if first else [theirs, mine]
        self._work.terminal.begin(f"running {self._test} beside {other}", 2)
        failed = False
        for run in self._work.labs.quick.at_once(2).run(both):
            self._work.terminal.over(run)
            failed = failed or shows(self._suspicion, run)
        return failed

    def _plan(self, test: str, turns: int, *, shares_temporary: bool) -> Experiment:
        return Experiment(
            label=f"{test} beside another",
            kind=Kind.REPLAY,
            tests=(test,) * turns,
            concurrent=True,
            hash_seed=self._suspicion.example.experiment.hash_seed,
            shares_temporary=shares_temporary,
        )

    def _passes_alone(self, turns: int, times: int) -> bool:
        """Tell whether the test passes with nothing beside it, each time: else it needs nobody to fail."""
        # What was found out on the way to here counts as well.
        seen = self._passed.setdefault(turns, self._seen_by_itself() if turns == 1 else 0)
        if seen >= times:
            return True
        plan = replace(self._plan(self._test, turns, shares_temporary=False), concurrent=False)
        self._work.terminal.begin(f"running {self._test} by itself", times - seen)
        for run in self._work.labs.quick.at_once(1).run([plan] * (times - seen)):
            self._work.terminal.over(run)
            if any(each.bad for each in run.outcomes) or not run.order:
                return False
            self._passed[turns] += 1
        return True

    def _seen_by_itself(self) -> int:
        """Count the runs in which the test passed, and nothing else ran at the same time."""
        return sum(
            not in_company(run) and run.came_through(self._test) is True
            for run in self._work.book.runs
        )

    def _explain(self, members: tuple[str, str], shown: _Shown) -> None:
        """Say what both use; what is in the temporary folder can be proven, by giving each process its own."""
        piece = shown.overlap.separable
        needed = controls_needed(shown.hits, shown.rounds)
        if piece is not None and needed is not None and not self._spent():
            failed = any(
                self._fails(
                    shown.overlap.other,
                    shown.turns,
                    first=bool(number % 2),
                    shares_temporary=False,
                )
                for number in range(needed)
            )
            piece = None if failed else piece
        else:
            piece = None
        key = self._suspicion.test, self._suspicion.reason, members
        self._work.book.explained[key] = shared(shown.overlap, piece)
