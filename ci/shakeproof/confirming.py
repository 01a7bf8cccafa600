"""Confirming what is suspected: each command is run in fresh processes, and what has to turn out the other way."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shakeproof.investigate.ambient import as_usual
from shakeproof.investigate.commands import (
    Reproduction,
    counter_check,
    length,
    other_ways,
    whole_suite,
)
from shakeproof.investigate.confirm import (
    alone_too,
    finding,
    passes_alone,
    shows,
    under_its_hash_seed,
)
from shakeproof.lab.probe import refusal
from shakeproof.model import (
    Finding,
    Instability,
    Run,
    Suspicion,
)
from shakeproof.reporting import command_for, keep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shakeproof.casebook import Casebook, Setting
    from shakeproof.lab.base import Lab
    from shakeproof.report.terminal import Terminal


SECONDS_BETWEEN_REPORTS = 10.0  # while findings are confirmed


def confirm_all(
    setting: Setting,
    lab: Lab,
    terminal: Terminal,
    book: Casebook,
    seconds: float = math.inf,
) -> None:
    """Run the command of each suspicion in fresh processes, and where there is one its counter-check.

    Short commands come first, and the findings are entered one by one. After so many seconds from the beginning of the
    investigation only what may still change the verdict is run, each command once; the rest is entered unconfirmed.
    """
    confirming = _Confirming(setting, lab, terminal, until=book.begun + seconds)
    kept = time.monotonic()
    left: list[tuple[int, Suspicion]] = []
    for number, suspicion in sorted(
        enumerate(book.suspicions, 1), key=lambda case: length(case[1])
    ):
        if confirming.late() and _settled(book.findings, suspicion):
            left.append((number, suspicion))
            continue
        shown = command_for(setting, suspicion, number)
        terminal.begin(
            f"confirming F{number} of {len(book.suspicions)}", shown.tries * shown.copies
        )
        book.enter(confirming.close(suspicion, number, shown))
        if time.monotonic() - kept > SECONDS_BETWEEN_REPORTS:
            keep(setting, book)
            kept = time.monotonic()
    # All at once: whoever interrupts before gets told that.
    for number, suspicion in left:
        book.enter(finding(suspicion, number, command_for(setting, suspicion, number), ()))
    if left:
        book.left_out(
            f"confirming {len(left)} of {len(book.suspicions)} findings: the budget was spent"
        )


def _settled(findings: Sequence[Finding], suspicion: Suspicion) -> bool:
    """Tell whether the verdict is what it is, whatever the command of this suspicion shows."""
    confirmed = {each.kind for each in findings if each.confirmed}
    if confirmed - {Instability.BROKEN}:
        return True
    return suspicion.kind is Instability.BROKEN and Instability.BROKEN in confirmed


@dataclass(frozen=True, slots=True)
class _Confirming:
    """Closes one case after the other."""

    setting: Setting
    lab: Lab
    terminal: Terminal
    until: float  # by the monotonic clock; after that each command is run once, and no more

    def late(self) -> bool:
        """Tell whether the time is up."""
        return time.monotonic() >= self.until

    def close(self, suspicion: Suspicion, number: int, shown: Reproduction) -> Finding:
        """Run the command of a suspicion, and where it shows it the counter-check."""
        tries = self._tries(suspicion, shown)
        for other in other_ways(suspicion):
            if any(shows(suspicion, run) for run in tries) or self.late():
                break
            suspicion, shown = other, command_for(self.setting, other, number)
            tries = self._tries(suspicion, shown)
        counter = None
        if any(shows(suspicion, run) for run in tries):
            counter = _counter_check(self.setting, suspicion, number, self.lab, shown)
        if counter is not None and (turned := alone_too(suspicion, counter)):
            return self._turned(turned, number, counter)
        seeded = under_its_hash_seed(suspicion, tries)
        if seeded is not None:
            again = command_for(self.setting, seeded, number)
            runs = self._tries(seeded, again)
            if any(shows(seeded, run) for run in runs):
                return _closed(seeded, number, again, runs)
        if passes_alone(suspicion, tries):
            whole = whole_suite(suspicion, number, self.setting.target.pytest_arguments)
            runs = self._tries(suspicion, whole)
            if any(shows(suspicion, run) for run in runs):
                return _closed(suspicion, number, whole, runs)
        return _closed(suspicion, number, shown, tries, counter)

    def _turned(self, suspicion: Suspicion, number: int, counter: Run) -> Finding:
        """Close the case of what turned out to fail alone: mostly the counter-check was its command already."""
        shown = command_for(self.setting, suspicion, number)
        if replace(counter.experiment, label=shown.experiment.label) == shown.experiment:
            return _closed(suspicion, number, shown, [counter])
        return _closed(suspicion, number, shown, self._tries(suspicion, shown))

    def _tries(self, suspicion: Suspicion, shown: Reproduction) -> list[Run]:
        """Run the command until it shows the suspicion, or was given every chance."""
        tries: list[Run] = []
        while (
            len(tries) < shown.tries
            and (not tries or not self.late())
            and not any(shows(suspicion, run) for run in tries)
        ):
            # One try at a time: one that is not needed is not begun, so none is killed halfway.
            for run in self.lab.at_once(shown.copies).run(shown.together):
                self.terminal.over(run)
                tries.append(run)
        return tries


def _closed(
    suspicion: Suspicion,
    number: int,
    shown: Reproduction,
    tries: Sequence[Run],
    counter: Run | None = None,
) -> Finding:
    refusals = [refusal(run) for run in tries]
    refused = refusals[-1] if refusals and all(refusals) else ""
    return finding(suspicion, number, shown, tries, counter, refusal=refused)


def _counter_check(
    setting: Setting, suspicion: Suspicion, number: int, lab: Lab, shown: Reproduction
) -> Run | None:
    target = setting.target
    experiment = counter_check(suspicion, number, target.pytest_arguments, target.rootdir)
    if suspicion.condition is not None:
        experiment = as_usual(shown.experiment, number)
    if experiment is None:
        return None
    (run,) = lab.at_once(1).run([experiment])
    return run
