"""The command `replay`: run the reproduction of a finding again, as the last report has it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shakeproof.investigate.confirm import MOST_TRIES, shows
from shakeproof.lab.base import Target
from shakeproof.lab.fresh import FreshLab
from shakeproof.lab.probe import check_target
from shakeproof.report.from_json import find, read_report

if TYPE_CHECKING:
    from shakeproof.report.terminal import Terminal


def replay(out: Path, finding_id: str, terminal: Terminal) -> bool:
    """Run the command of a finding in fresh processes, thirty times at most, until it gives the reported outcome.

    Returns whether it did. Raises ShakeproofError where there is no such report, finding, project or interpreter.
    """
    report = read_report(out)
    case = find(report, finding_id, out)
    target = Target(Path(report.suite.folder), report.suite.interpreter)
    check_target(target)
    terminal.say(case.reproduce)
    lab = FreshLab(target, out / "logs", terminal.progress).at_once(case.copies)
    for _ in range(MOST_TRIES):
        for run in lab.run(case.together):
            terminal.ended(run)
            if shows(case, run):
                terminal.say(f"{case.id} showed itself again: {case.test}")
                return True
    terminal.say(f"{case.id} did not show itself in {MOST_TRIES} tries: {case.test}")
    return False
