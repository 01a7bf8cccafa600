"""The command `replay`: run a finding's reproduction again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shakeproof.errors import ShakeproofError
from shakeproof.investigate.confirm import MOST_TRIES, shows
from shakeproof.lab.base import Target
from shakeproof.lab.fresh import FreshLab
from shakeproof.lab.probe import check_target
from shakeproof.model import Experiment, Kind, Status

if TYPE_CHECKING:
    from shakeproof.report.terminal import Terminal


@dataclass(frozen=True, slots=True)
class Case:
    """A finding as the last report has it."""

    id: str
    test: str
    status: Status
    command: str
    experiment: Experiment
    copies: int
    target: Target


def replay(out: Path, finding_id: str, terminal: Terminal) -> bool:
    """Run the command of a finding in fresh processes, thirty times at most, until it gives the reported outcome.

    Returns whether it did. Raises ShakeproofError where there is no such report, finding, project or interpreter.
    """
    case = read_case(out, finding_id)
    check_target(case.target)
    terminal.say(case.command)
    lab = FreshLab(case.target, out / "logs", terminal.progress).at_once(case.copies)
    for _ in range(MOST_TRIES):
        for run in lab.run([case.experiment] * case.copies):
            terminal.ended(run)
            if shows(case, run):
                terminal.say(f"{case.id} showed itself again: {case.test}")
                return True
    terminal.say(f"{case.id} did not show itself in {MOST_TRIES} tries: {case.test}")
    return False


def read_case(out: Path, finding_id: str) -> Case:
    """Find a finding in the report of a directory.

    Raises ShakeproofError where the report cannot be read, or has no such finding.
    """
    path = out / "report.json"
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ShakeproofError(
            f"There is no report in {out} ({(error.strerror or str(error)).lower()}): "
            "name its directory with --out."
        ) from error
    except ValueError as error:
        raise ShakeproofError(f"{path} is not a report of Shakeproof: {error}.") from error
    findings = {each["id"]: each for each in report["findings"]}
    if finding_id not in findings:
        known = ", ".join(findings) or "none"
        raise ShakeproofError(f"The report in {out} has no finding {finding_id}: it has {known}.")
    finding, suite = findings[finding_id], report["suite"]
    stored = finding["replay"]
    return Case(
        id=finding_id,
        test=finding["test"],
        status=Status(finding["outcome"]),
        command=finding["reproduce"],
        experiment=Experiment(
            label=f"replay of {finding_id}",
            kind=Kind.REPLAY,
            arguments=tuple(stored["arguments"]),
            tests=None if stored["tests"] is None else tuple(stored["tests"]),
            plugins=frozenset(stored["plugins"]),
            hash_seed=stored["hash_seed"],
        ),
        copies=stored["copies"],
        target=Target(Path(suite["rootdir"]).resolve(), suite["interpreter"]),
    )
