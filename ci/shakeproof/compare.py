"""The command `compare`: run the suite several times as it is run every day, and compare outcomes test by test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shakeproof import orders
from shakeproof.casebook import Casebook, Setting
from shakeproof.confirming import confirm_all
from shakeproof.investigate.follow_up import follow_ups
from shakeproof.lab.fresh import FreshLab
from shakeproof.lab.probe import check_collected, check_plugins, check_target, check_turns
from shakeproof.report import phrases
from shakeproof.reporting import conclude

if TYPE_CHECKING:
    from shakeproof.model import Experiment, Report
    from shakeproof.report.terminal import Terminal


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is to be compared."""

    setting: Setting
    repeat: int
    seeds: tuple[int, ...]
    parallel: bool


def compare(wanted: Comparison, terminal: Terminal) -> Report:
    """Make the runs, settle what differs between them, confirm it in fresh processes, and write the report.

    Interrupted at any point it writes the report of what was seen until then. Raises ShakeproofError for a target, an
    argument or a report folder that cannot be used, and NothingToJudgeError where no tests are found or run.
    """
    check_target(wanted.setting.target)
    wanted.setting.prepare()
    book = Casebook()
    with book.kept():
        _investigate(wanted, terminal, book)
    return conclude(wanted.setting, book)


def _investigate(wanted: Comparison, terminal: Terminal, book: Casebook) -> None:
    setting = wanted.setting
    book.planned = orders.comparison(
        repeat=wanted.repeat,
        seeds=wanted.seeds,
        parallel=wanted.parallel,
        concurrent=setting.jobs > 1,
    )
    if wanted.seeds:
        seeds = ", ".join(map(str, wanted.seeds))
        terminal.say(f"seeds: {seeds} (master seed {setting.master_seed})")
    lab = FreshLab(setting.target, setting.out / "logs", terminal.progress)

    def gather(jobs: int, *experiments: Experiment) -> None:
        for run in lab.at_once(jobs).run(experiments):
            if not book.runs:
                check_collected(run)
                check_plugins(run, book.planned)
            book.runs.append(run)
            terminal.ended(run)

    gather(setting.jobs, *(each for each in book.planned if each.concurrent))
    gather(1, *(each for each in book.planned if not each.concurrent))
    check_turns(book.runs)
    book.suspicions = book.judge()
    while further := follow_ups(book.suspicions, book.runs):
        terminal.say(f"settling {phrases.plural(len(book.suspicions), 'difference')}")
        gather(1, *further)
        book.suspicions = book.judge()
    confirm_all(setting, lab, terminal, book)
