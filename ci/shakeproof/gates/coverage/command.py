"""The command line of the coverage gate."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shakeproof.errors import ShakeproofError
from shakeproof.files import write_text
from shakeproof.gates import git
from shakeproof.gates.coverage import repository
from shakeproof.gates.coverage.changes import judge_changes
from shakeproof.gates.coverage.floors import judge
from shakeproof.gates.coverage.judging import Since, verdict
from shakeproof.gates.coverage.measuring import HTML, Measurement, matches, measure
from shakeproof.gates.coverage.pragmas import pragmas
from shakeproof.gates.coverage.ratchet import (
    FILE,
    Notch,
    lowered,
    raise_ratchet,
    read_ratchet,
    write_ratchet,
)
from shakeproof.gates.coverage.settings import Settings, read_settings
from shakeproof.gates.coverage.worst import linked
from shakeproof.gates.pyproject import read_pyproject
from shakeproof.gates.verdict import SUMMARY, Verdict, settle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def main(argv: Sequence[str]) -> int:
    """Measure a suite and judge it; return 0 pass, 1 fail, 2 error, 5 inconclusive, 130 interrupted."""
    own, more = _split(argv)
    options = _parser().parse_args(own, argparse.Namespace(pytest=more))
    status = settle(options.gate, lambda: _judge(options), options.out)
    with suppress(OSError, ShakeproofError):  # settle has said that the page cannot be written
        _link(options.out / SUMMARY, options.root)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m shakeproof.gates.coverage",
        usage="%(prog)s SUITE --out DIR [OPTIONS] [-- PYTEST_ARGS...]",
        description="Is enough of the code tested, branches included, and all that changed?",
    )
    parser.add_argument("suite", help="its settings are in [tool.shakeproof.coverage.SUITE]")
    parser.add_argument("--gate", default="coverage-gate", help="the name to answer under")
    parser.add_argument("--root", type=Path, default=Path(), help="the project (default: here)")
    parser.add_argument("--out", type=Path, required=True, help="where the reports go")
    parser.add_argument(
        "--raise", action="store_true", dest="raised", help=f"put what was reached into {FILE}"
    )
    parser.add_argument(
        "--against",
        metavar="COMMIT",
        help="what changed since this one (default: the merge base with main)",
    )
    return parser


def _split(argv: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Tell our own arguments from those for pytest, which follow `--`."""
    at = list(argv).index("--") if "--" in argv else len(argv)
    return argv[:at], argv[at + 1 :]


def _judge(options: argparse.Namespace) -> Verdict:
    root: Path = options.root.absolute()
    pyproject = read_pyproject(root / "pyproject.toml")
    settings = read_settings(pyproject, options.suite, lambda name: (root / name).is_dir())
    # Before the tests run: nobody waits minutes to hear that a name was wrong.
    since = _base(options, root, settings)
    ratchet = _ratchet(options, root)
    measured = measure(settings, root, options.out, options.pytest)
    raised = _raised(settings, measured, ratchet) if options.raised else ratchet
    seen = verdict(
        options.gate,
        settings,
        measured.files,
        ratchet=raised,
        since=_changed(root, since, settings, measured),
        hidden=tuple(pragmas(measured.sources)),
        remarks=tuple(_remarks(options, root, since.base, ratchet, measured)),
    )
    if options.raised:
        write_text(root / FILE, write_ratchet(raised))
    return seen


def _base(options: argparse.Namespace, root: Path, settings: Settings) -> Since:
    """Say since which commit changes count; which ones there are is not known yet."""
    if options.against is not None:
        return Since(repository.left_at(root, options.against))
    if git.toplevel(root) is None:
        return Since(None, versioned=False)
    return Since(git.merge_base(root, settings.main))


def _ratchet(options: argparse.Namespace, root: Path) -> Mapping[str, Notch]:
    path = root / FILE
    if path.exists():
        return read_ratchet(path.read_text(encoding="utf-8"))
    if options.raised:
        return {}
    raise ShakeproofError(
        f"{FILE} is not there, so nothing keeps coverage from falling: restore it from git, or make it with --raise."
    )


def _changed(root: Path, since: Since, settings: Settings, measured: Measurement) -> Since:
    if since.base is None:
        return since
    lines = {
        path: found
        for path, found in repository.changes(root, since.base, settings.source).items()
        if not matches(path, settings.elsewhere)
    }
    return replace(since, changed=judge_changes(lines, measured.files, measured.sources))


def _remarks(
    options: argparse.Namespace,
    root: Path,
    base: str | None,
    ratchet: Mapping[str, Notch],
    measured: Measurement,
) -> Iterator[str]:
    before = None if base is None else repository.text_at(root, base, FILE)
    if before is not None:
        yield from lowered(read_ratchet(before), ratchet)
    if measured.elsewhere:
        yield (
            f"Not counted, because they run in processes that nothing measures: {len(measured.elsewhere)} files "
            f"({', '.join(measured.elsewhere[:3])}{', ...' if measured.elsewhere[3:] else ''})."
        )
    who = measured.witnessed
    where = f"{who.workers} workers" if who.workers else "one process"
    yield f"Measured with {' and '.join(who.cores)} ({measured.choice.why}): {who.tests} tests in {where}."
    yield f"Line by line: {options.out / HTML / 'index.html'}."


def _raised(
    settings: Settings, measured: Measurement, ratchet: Mapping[str, Notch]
) -> Mapping[str, Notch]:
    reached = {one.name: one.figures for one in judge(measured.files, settings, ratchet)}
    return raise_ratchet(ratchet, reached)


def _link(page: Path, root: Path) -> None:
    """Make links of the places on the page for a job; the terminal opens them as they are."""
    up = os.path.relpath(root.resolve(), page.parent.resolve())
    write_text(page, linked(page.read_text(encoding="utf-8"), Path(up).as_posix()))
