"""Every test right behind every other: what takes one polluter, however many cleaners there are."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from shakeproof import orders
from shakeproof.lab.fork import ForkLab
from shakeproof.model import Kind, Status
from shakeproof.report import phrases
from shakeproof.search.explain import explain
from shakeproof.search.settle import settle
from shakeproof.search.work import failure_of, paced

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shakeproof.model import Experiment, Outcome
    from shakeproof.search.blame import Blame
    from shakeproof.search.work import Work

PAIRS_SHARE = 0.8  # of the budget: what pairs bring to light has to be looked into as well
SAME_PAIRS = 3  # pairs in which one test behaved in a new way: they are run again, each by itself


def try_pairs(work: Work, blame: Blame) -> None:
    """Run every test right behind every other, the most suspicious first, and look into what that brings to light.

    Only forks are cheap enough. Of the runs, those are kept in which the second test did otherwise than alone.
    """
    lab, book = work.labs.quick, work.book
    if not isinstance(lab, ForkLab):
        book.left_out("pairs of tests, which take forks")
        return
    stems = orders.suspicious_first(work.sound, work.blamed())
    possible = len(stems) * (len(stems) - 1)
    work.terminal.begin("pairs of tests", possible)
    known = len(book.runs)
    _keep_odd_pairs(work, lab, stems)
    found = book.runs[known:]
    if book.pairs < possible:
        book.left_out(f"{possible - book.pairs:,} of {possible:,} pairs of tests")
    if book.pairs:
        tests = phrases.plural(len({run.outcomes[-1].test for run in found}), "test")
        made = phrases.plural(book.pairs, "pair")
        work.terminal.say(f"  {made} of tests: {tests} behaved in a new way")
    if found:
        settle(work)
        blame.name_some()
        explain(work)
        blame.name_all()
        explain(work)


def _keep_odd_pairs(work: Work, lab: ForkLab, stems: Sequence[str]) -> None:
    """Run the pairs as far as the budget goes, and keep those in which the second test behaved in a new way.

    They are kept as they are found: whoever loses patience has them in the report.
    """
    book = work.book
    expected = _expected(work)
    odd: Counter[str] = Counter()  # pairs, by the second test
    for batch in paced(orders.pairs(stems), work.jobs):
        if work.spent(PAIRS_SHARE):
            break
        doubted: list[Experiment] = []
        trees = orders.stems(batch, -(-len(batch) // work.jobs))
        for run in lab.at_once(work.jobs).behind(trees):
            work.terminal.over(run)
            if work.overdue:
                break
            if len(run.outcomes) < 2:  # noqa: PLR2004  (not collected under this hash seed)
                continue
            book.pairs += 1
            second = run.outcomes[-1]
            if not expected(second):
                odd[second.test] += 1
                if odd[second.test] <= SAME_PAIRS:
                    doubted.append(run.experiment)
        # Behind one stem the endings may meet in what no fork has for itself - a file of the project, a process.
        again = lab.at_once(1).run(doubted)
        book.runs += [run for run in again if not expected(run.outcomes[-1])]


def _expected(work: Work) -> Callable[[Outcome], bool]:
    """Make the judge of what a test does behind another: who else brings about what is known is asked elsewhere."""
    runs = [run for run in work.book.runs if run.experiment.kind is Kind.ALONE]
    fail_alone = {run.outcomes[0].test for run in runs if run.outcomes and run.outcomes[0].bad}
    known = work.failures_seen()
    suspected = {each.test for each in work.book.suspicions}

    def is_expected(second: Outcome) -> bool:
        if second.test in fail_alone:
            return second.status is not Status.PASSED or second.test in suspected
        return not second.bad or failure_of(second) in known

    return is_expected
