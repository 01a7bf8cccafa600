"""The command `stability`: find every unstable test, name what makes it so, and confirm it in a fresh process."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shakeproof import orders
from shakeproof.casebook import Casebook, Setting
from shakeproof.confirming import confirm_all
from shakeproof.errors import ShakeproofError
from shakeproof.lab.fork import ForkLab, ForkUnsafeError
from shakeproof.lab.fresh import FreshLab
from shakeproof.lab.probe import check_collected, check_target, check_turns
from shakeproof.model import Experiment, Kind
from shakeproof.reporting import conclude, keep
from shakeproof.search.ambient import try_conditions
from shakeproof.search.blame import Blame
from shakeproof.search.explain import explain, watch
from shakeproof.search.explore import Explorer
from shakeproof.search.imports import explain_imports, look_at_imports, watch_imports
from shakeproof.search.overlaps import find_overlaps
from shakeproof.search.pairs import try_pairs
from shakeproof.search.settle import settle
from shakeproof.search.work import Labs, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shakeproof.lab.base import Lab
    from shakeproof.model import Report, Run
    from shakeproof.report.terminal import Terminal

# Seconds; a suite that takes longer to collect is collected for two hash seeds only.
DEAR_COLLECTION = 5.0
CONFIRMING_SHARE = 0.5  # of the budget, which confirming may take besides


@dataclass(frozen=True, slots=True)
class Question:
    """How hard to look."""

    setting: Setting
    repeat: int
    seeds: int | None  # shuffles; None: as many as it takes
    budget: float  # seconds, after which no new experiment is begun
    runner: str  # "auto", "fork" or "fresh"
    conditions: tuple[str, ...] = ()  # which things about the machine are changed, by their names


def stability(question: Question, terminal: Terminal) -> Report:
    """Try the orders that expose most first, settle what differs, name culprits, confirm, and write the report.

    Interrupted at any point it writes the report of what was seen until then. Raises ShakeproofError for a target, an
    argument or a report folder that cannot be used, and NothingToJudgeError where no tests are found or run.
    """
    setting = question.setting
    check_target(setting.target)
    setting.prepare()
    book = Casebook()
    judge = FreshLab(setting.target, setting.out / "logs", terminal.progress)
    with book.kept():
        terminal.say(f"seed: {setting.master_seed}")
        first = _look(judge)
        book.collecting = first.collection_seconds
        hash_seeds = _hash_seeds(question, first, book)
        with _laboratory(question, judge, hash_seeds, terminal) as lab:
            tests = lab.collected if isinstance(lab, ForkLab) else first.collected
            investigate(question, Labs(lab, judge, setting.target), tests, book, terminal)
        begun = time.monotonic()
        confirm_all(setting, judge, terminal, book, question.budget * (1 + CONFIRMING_SHARE))
        book.stages.append(("confirming", time.monotonic() - begun))
    return conclude(setting, book)


def investigate(
    question: Question, labs: Labs, tests: tuple[str, ...], book: Casebook, terminal: Terminal
) -> None:
    """Go through the stages, those first that expose most; after each its report is on disk, whatever happens next.

    Raises ShakeproofError where the suite could not be forked for a single run, and NothingToJudgeError where all runs
    ended before their first test.
    """
    setting = question.setting
    book.forked = isinstance(labs.quick, ForkLab)
    work = Work(labs, tests, book, terminal, jobs=setting.jobs, budget=question.budget)
    explorer, blame = Explorer(work, leaves_time=bool(question.conditions)), Blame(work)
    stages: tuple[tuple[str, Callable[[], None]], ...] = (
        ("the declared order", lambda: explorer.begin(question.repeat)),
        ("shuffles", lambda: explorer.shuffled(question.seeds, setting.master_seed)),
        ("two copies at once", explorer.copies),
        ("repeats", lambda: explorer.repeated(question.repeat)),
        ("what tests leave behind", lambda: watch(work)),
        ("other orders", explorer.otherwise),
        ("settling what differs", lambda: settle(work)),
        ("imports of test files", lambda: look_at_imports(work)),
        ("causes on import", lambda: explain_imports(work)),
        ("culprits", blame.name_some),
        ("causes", lambda: explain(work)),
        ("what overlaps", lambda: find_overlaps(work)),
        ("further culprits", blame.name_all),
        ("their causes", lambda: explain(work)),
        *(
            (("ambient conditions", lambda: _ambient(question, work)),)
            if question.conditions
            else ()
        ),
        ("what files leave behind by being imported", lambda: watch_imports(work)),
        ("pairs", lambda: try_pairs(work, blame)),
    )
    book.to_do = [name for name, _ in stages]
    try:
        for name, stage in stages:
            begun = time.monotonic()
            stage()
            book.stages.append((name, time.monotonic() - begun))
            check_turns(book.runs, _advice(labs.quick))
            book.to_do.pop(0)
            keep(setting, book)
    except ForkUnsafeError as error:  # a test killed even what it was forked from
        if not book.runs:
            raise _unforkable(error) from error
        terminal.say(f"the search ends here: {error}")
        book.incomplete.append(f"{', '.join(book.to_do)}: {error}")
        book.suspicions = book.suspected()


def _ambient(question: Question, work: Work) -> None:
    try_conditions(work, question.conditions, os.environ, datetime.now(UTC).astimezone())


def _look(judge: FreshLab) -> Run:
    """Collect once in a fresh process, and see that there is something to judge."""
    looking = Experiment(
        "collection",
        Kind.DECLARED,
        options=("--collect-only", "-q"),
        hash_seed=orders.HASH_SEEDS[0],
    )
    (first,) = judge.run([looking])
    check_collected(first)
    return first


def _hash_seeds(question: Question, first: Run, book: Casebook) -> tuple[int, ...]:
    """Choose the hash seeds to collect for: fewer where that takes long, and the report says so."""
    # Two at least: whether the project seeds its random numbers is told by two collections.
    useful = orders.HASH_SEEDS[: max(2, question.repeat)]
    affordable = useful[:2] if first.collection_seconds > DEAR_COLLECTION else useful
    if left := len(useful) - len(affordable):
        book.incomplete.append(
            f"{left} of {len(useful)} hash seeds: collecting once takes {first.collection_seconds:.0f} s"
        )
    return affordable


def _advice(lab: Lab) -> str:
    """Say what to do where no test had its turn: it may be the suite, or that it was forked."""
    if isinstance(lab, ForkLab):
        return "mend that first, or use --runner fresh where pytest alone does run them"
    return "mend that first"


def _unforkable(error: ForkUnsafeError) -> ShakeproofError:
    return ShakeproofError(
        f"The suite cannot be forked: {error}. Use --runner fresh, which takes longer."
    )


@contextmanager
def _laboratory(
    question: Question, judge: FreshLab, hash_seeds: tuple[int, ...], terminal: Terminal
) -> Iterator[Lab]:
    """Open the fork laboratory where the suite can be forked, else say why it takes longer in fresh processes."""
    setting = question.setting
    with ExitStack() as opened:
        lab: Lab = judge
        if question.runner != "fresh":
            try:
                lab = opened.enter_context(
                    ForkLab(
                        setting.target,
                        setting.out / "logs",
                        terminal.progress,
                        jobs=setting.jobs,
                        hash_seeds=hash_seeds,
                    )
                )
            except ForkUnsafeError as error:
                if question.runner == "fork":
                    raise _unforkable(error) from error
                terminal.say(f"fresh processes, which take longer: {error}")
        yield lab
