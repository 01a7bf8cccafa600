"""Turn the list of nox sessions into the matrix of CI jobs, so that no session is forgotten.

    nox -l --json -t ci --no-dependencies | python -m shakeproof.gates.jobs --python 3.13

prints one line, `include=[...]`, for a workflow's output: one job per session with the interpreter
it runs on, and for the sessions named with `--everywhere` one per interpreter of `--pythons`.

Exit status: 0 listed, 2 the list is of another kind, 4 it is empty.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from shakeproof.errors import NothingToJudgeError, ShakeproofError
from shakeproof.gates.documents import as_object, text_at

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Job:
    """One CI job: a nox session and the interpreter it runs on."""

    session: str
    python: str


def jobs(
    sessions: Sequence[str], python: str, everywhere: Sequence[str], pythons: Sequence[str]
) -> tuple[Job, ...]:
    """Give each session its job on `python`, and those of `everywhere` one on each of `pythons`.

    Raises `NothingToJudgeError` when there is no session, `ShakeproofError` when one of
    `everywhere` is not among them: it was renamed, and would silently run on one interpreter.
    """
    if not sessions:
        raise NothingToJudgeError("nox lists no session: no noxfile, or none with that tag.")
    for name in everywhere:
        if name not in sessions:
            raise ShakeproofError(
                f"nox lists no session {name!r} to run everywhere, only {', '.join(sessions)}."
            )
    return tuple(
        Job(session, version)
        for session in sessions
        for version in (pythons if session in everywhere else (python,))
    )


def read_sessions(listing: str) -> tuple[str, ...]:
    """Return the names in what `nox -l --json` printed; raise `ShakeproofError` for anything else."""
    try:
        entries: object = json.loads(listing)
    except ValueError as error:
        raise ShakeproofError(f"This is not what nox -l --json prints: {error}.") from error
    if not isinstance(entries, list):
        raise ShakeproofError("This is not what nox -l --json prints: it is not a list.")
    return tuple(text_at(as_object(entry, "a session"), "session") for entry in entries)


def main(argv: Sequence[str] | None = None) -> int:
    """Read the list from standard input, print the matrix; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m shakeproof.gates.jobs",
        description="Turn nox -l --json on standard input into the matrix of CI jobs.",
    )
    parser.add_argument("--python", required=True, help="the interpreter of every other session")
    parser.add_argument("--everywhere", nargs="+", default=[], metavar="SESSION")
    parser.add_argument("--pythons", nargs="+", default=[], metavar="PYTHON")
    options = parser.parse_args(argv)
    if options.everywhere and not options.pythons:
        parser.error("--everywhere needs --pythons to say where that is")
    try:
        sessions = read_sessions(sys.stdin.read())
        matrix = jobs(sessions, options.python, options.everywhere, options.pythons)
    except ShakeproofError as error:
        sys.stderr.write(f"jobs: {error}\n")
        return error.exit_status
    sys.stdout.write(f"include={json.dumps([asdict(job) for job in matrix])}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
