"""The one shape in which every gate answers: yes, no, cannot tell, or could not ask.

A gate is a function that returns a `Verdict` or raises `ShakeproofError`; `settle` turns either into the three
files that people and programs read, into text on the terminal, and into the exit status:

    pass 0, fail 1, error 2, inconclusive 5

Inconclusive is a status of its own, so that neither green nor red hides that nothing was decided.
"""

from __future__ import annotations

import itertools
import json
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from shakeproof.errors import ShakeproofError
from shakeproof.files import write_text
from shakeproof.gates.documents import aligned, markdown
from shakeproof.messages import mask, mask_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

SCHEMA: Final = "shakeproof.gate/1"
REPORT, SUMMARY, TEXT = "report.json", "summary.md", "summary.txt"

Answer: TypeAlias = Literal["pass", "fail", "inconclusive", "error"]
Rows: TypeAlias = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Table:
    """Rows that people read, the heading first, all of one length."""

    title: str
    rows: Rows


@dataclass(frozen=True)
class Verdict:
    """What a gate has to say.

    `sentence` is the whole answer in one sentence; `notes` are further ones: each fault with its way out, what was
    not looked at. `details` is for programs: values that JSON can hold, under names that are never re-used.
    """

    gate: str
    answer: Answer
    sentence: str
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def exit_status(self) -> int:
        """0 pass, 1 fail, 2 error, 5 inconclusive."""
        return exit_status(self.answer)


def exit_status(answer: Answer) -> int:
    """Return the documented exit status of an answer."""
    match answer:
        case "pass":
            return 0
        case "fail":
            return 1
        case "error":
            return 2
        case "inconclusive":
            return 5


def worst(answers: Iterable[Answer]) -> Answer:
    """Combine the answers about parts into one about the whole; nothing at all is a pass.

    A failure that was shown stays one whatever else went wrong; an error leaves a question unasked, which weighs
    more than one asked in vain.
    """
    given = set(answers)
    order: tuple[Answer, ...] = ("fail", "error", "inconclusive")
    return next((answer for answer in order if answer in given), "pass")


def masked(verdict: Verdict) -> Verdict:
    """Hide what looks like a secret, wherever it stands: in sentences, cells and details, keys included.

    A test's parameters are part of its name, so that a password may come with it. Nothing is written or printed of a
    verdict but through this; to mask twice changes nothing.
    """
    return replace(
        verdict,
        sentence=mask(verdict.sentence),
        notes=tuple(mask(note) for note in verdict.notes),
        tables=tuple(
            Table(mask(table.title), tuple(tuple(mask(cell) for cell in row) for row in table.rows))
            for table in verdict.tables
        ),
        details=_masked_items(verdict.details),
    )


def as_document(verdict: Verdict) -> dict[str, object]:
    """Return what `report.json` holds."""
    seen = masked(verdict)
    return {
        "schema": SCHEMA,
        "gate": seen.gate,
        "verdict": seen.answer,
        "exit_status": seen.exit_status,
        "sentence": seen.sentence,
        "notes": list(seen.notes),
        **seen.details,
    }


def as_markdown(verdict: Verdict) -> str:
    """Return the page for a job's summary: the answer first, then why, then the numbers."""
    seen = masked(verdict)
    parts = [f"# {seen.gate}: {seen.answer}\n", f"{seen.sentence}\n"]
    if seen.notes:
        parts.append("".join(f"- {note}\n" for note in seen.notes))
    parts.extend(f"## {table.title}\n\n{markdown(table.rows)}" for table in seen.tables)
    return "\n".join(parts)


def as_text(verdict: Verdict) -> str:
    """Return the same for a terminal: the numbers first, the answer last, where the eye is."""
    seen = masked(verdict)
    parts = [f"{table.title}\n\n{aligned(table.rows)}\n" for table in seen.tables]
    parts.extend(f"{note}\n" for note in seen.notes)
    parts.append(f"{seen.gate}: {seen.answer}. {seen.sentence}\n")
    return "".join(parts)


def write(verdict: Verdict, folder: Path) -> None:
    """Write `report.json`, `summary.md` and `summary.txt`; raise `ShakeproofError` where that is impossible."""
    write_text(folder / REPORT, json.dumps(as_document(verdict), indent=2) + "\n")
    write_text(folder / SUMMARY, as_markdown(verdict))
    write_text(folder / TEXT, as_text(verdict))


def settle(gate: str, judge: Callable[[], Verdict], folder: Path) -> int:
    """Ask a gate, write and print what it says, and return the exit status.

    A `ShakeproofError` is the answer *error*, reported like the others: the last report must not be mistaken for
    this one's. Ctrl-C is 130, and leaves a report that says so.
    """
    try:
        verdict = judge()
        status = verdict.exit_status
    except ShakeproofError as error:
        verdict = Verdict(gate, "error", str(error))
        status = verdict.exit_status
    except KeyboardInterrupt:
        verdict = Verdict(gate, "error", "Interrupted: nothing was decided.")
        status = 130
    try:
        write(verdict, folder)
    except ShakeproofError as error:
        sys.stderr.write(f"{gate}: {mask(str(error))}\n")
        status = status or 2
    (sys.stderr if verdict.answer == "error" else sys.stdout).write(as_text(verdict))
    return status


def _masked_value(key: str, value: object) -> object:
    """Mask one value of the details; `key` is what it is found under."""
    if isinstance(value, str):
        return mask_value(key, value)
    if isinstance(value, dict):
        return _masked_items(value)
    if isinstance(value, list | tuple):
        return [_masked_value(key, each) for each in value]
    return value


def _masked_items(items: Mapping[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in items.items():
        name = mask(str(key))
        if name in found:  # two that differ in nothing but their secret
            name = next(more for n in itertools.count(2) if (more := f"{name} ({n})") not in found)
        found[name] = _masked_value(str(key), value)
    return found
