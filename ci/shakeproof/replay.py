"""The command `replay`: run the reproduction of a finding again, as the last report has it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shakeproof.errors import ShakeproofError
from shakeproof.investigate.commands import tries_again
from shakeproof.investigate.confirm import shows
from shakeproof.lab.base import Target
from shakeproof.lab.fresh import FreshLab
from shakeproof.lab.probe import check_target, refusal
from shakeproof.report.from_json import find, read_report

if TYPE_CHECKING:
    from shakeproof.model import Finding, Run
    from shakeproof.report.terminal import Terminal

# The command has no options for what the report says already.
REMEDY = "run `shakeproof stability` again where the project is now."


def replay(out: Path, finding_id: str, terminal: Terminal) -> bool:
    """Run the command of a finding in fresh processes, until it gives the reported outcome or is sure not to.

    Returns whether it did. Raises ShakeproofError where there is no such report, finding, project or interpreter, and
    where pytest does not accept the command any more.
    """
    report = read_report(out)
    case = find(report, finding_id, out)
    target = Target(Path(report.suite.folder), report.suite.interpreter)
    check_target(target, REMEDY)
    terminal.say(case.reproduce)
    lab = FreshLab(target, out / "logs", terminal.progress).at_once(case.copies)
    tries = tries_again(case)
    for _ in range(tries):
        for run in lab.run(case.together):
            terminal.ended(run)
            if shows(case, run):
                terminal.say(f"{case.id} showed itself again: {case.test}")
                return True
            _check_accepted(case, run)
    terminal.say(f"{case.id} did not show itself in {tries} tries: {case.test}")
    return False


def _check_accepted(case: Finding, run: Run) -> None:
    """See that the command is one that says something: its tests may have another name by now."""
    if said := refusal(run):
        raise ShakeproofError(
            f"pytest did not run the command of {case.id} (`{said}`), which says nothing about it: {REMEDY}"
        )
