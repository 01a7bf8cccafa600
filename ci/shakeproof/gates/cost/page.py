"""What goes into a page, and the line for the log (pure)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from shakeproof.gates.documents import markdown
from shakeproof.gates.verdict import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shakeproof.gates.cost.judging import Extent
    from shakeproof.gates.verdict import Verdict

BEFORE: Final = 5  # lines of the log that are shown


def results(seen: Verdict, conditions: str) -> str:
    """Write what stands between the markers."""
    parts = [conditions, f"**{seen.answer}**: {seen.sentence}"]
    parts += [f"### {table.title}\n\n{markdown(table.rows).rstrip()}" for table in seen.tables]
    return "\n\n".join(parts)


def log_line(seen: Verdict, date: str, commit: str | None, extent: Extent) -> str:
    """Write one run as one line of JSON."""
    ways = seen.details["ways"]
    tests = seen.details["tests"]
    machine = seen.details["machine"]
    return json.dumps(
        {
            "date": date,
            "commit": commit,
            "machine": machine,
            "extent": extent,
            "answer": seen.answer,
            "tests": len(tests) if isinstance(tests, list) else 0,
            "ways": ways,
        }
    )


def trend(lines: Iterable[str], machine: Mapping[str, object]) -> Table | None:
    """Lay out the last whole runs of the same machine; None where there are none. A damaged line is passed over."""
    rows = []
    for line in lines:
        try:
            run = json.loads(line)
            same = run["machine"] == machine and run["extent"] == "whole"
            medians = {name: f"{way['median']:.1f}" for name, way in run["ways"].items()}
            row = (run["date"], (run["commit"] or "-")[:12], str(run["tests"]), medians)
        except (ValueError, KeyError, TypeError):
            continue
        if same:
            rows.append(row)
    if not rows:
        return None
    names = list(rows[-1][3])
    heading = ("date", "commit", "tests", *names)
    body = tuple(
        (date, commit, tests, *(medians.get(name, "-") for name in names))
        for date, commit, tests, medians in rows[-BEFORE:]
    )
    return Table("Before, on this machine (seconds)", (heading, *body))
