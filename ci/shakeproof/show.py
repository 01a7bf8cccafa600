"""The command `show`: print the last report, or one of its findings in full."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shakeproof.report.from_json import find, read_report

if TYPE_CHECKING:
    from pathlib import Path

    from shakeproof.report.terminal import Terminal


def show(out: Path, finding_id: str | None, terminal: Terminal) -> None:
    """Print the report of a directory, or one finding of it with everything that is known.

    Raises ShakeproofError where there is no such report or finding.
    """
    report = read_report(out)
    if finding_id is None:
        terminal.report(report, os.path.relpath(out))
    else:
        terminal.finding(find(report, finding_id, out), report)
