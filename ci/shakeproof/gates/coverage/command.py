"""The command line of the coverage gate."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from shakeproof.errors import ShakeproofError
from shakeproof.files import write_text
from shakeproof.gates.coverage import repository
from shakeproof.gates.coverage.changes import changed_lines, judge_changes
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
from shakeproof.gates.verdict import Verdict, settle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def main(argv: Sequence[str]) -> int:
    """Measure a suite and judge it; return 0 pass, 1 fail, 2 error, 5 inconclusive, 130 interrupted."""
    own, more = _split(argv)
    options = _parser().parse_args(own, argparse.Namespace(pytest=more))
    return settle(options.gate, lambda: _judge(options), options.out)


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
    settings = read_settings(_pyproject(root), options.suite)
    # Before the tests run: nobody waits minutes to hear that a name was wrong.
    base = _base(options, root, settings)
    ratchet = _ratchet(options, root)
    measured = measure(settings, root, options.out, options.pytest)
    seen = verdict(
        options.gate,
        settings,
        measured.files,
        ratchet=ratchet,
        since=_since(root, base, settings, measured),
        hidden=tuple(pragmas(measured.sources)),
        remarks=tuple(_remarks(options, root, base, ratchet, measured)),
    )
    if options.raised:
        _raise(root, settings, measured, ratchet)
    return seen


def _pyproject(root: Path) -> Mapping[str, object]:
    path = root / "pyproject.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ShakeproofError(f"{path} cannot be read: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ShakeproofError(f"{path} is no TOML: {error}.") from error


def _base(options: argparse.Namespace, root: Path, settings: Settings) -> str | None:
    if options.against is None:
        return repository.merge_base(root, settings.main)
    return repository.left_at(root, options.against)


def _ratchet(options: argparse.Namespace, root: Path) -> Mapping[str, Notch]:
    path = root / FILE
    if path.exists():
        return read_ratchet(path.read_text(encoding="utf-8"))
    if options.raised:
        return {}
    raise ShakeproofError(
        f"{FILE} is not there, so nothing keeps coverage from falling: restore it from git, or make it with --raise."
    )


def _since(root: Path, base: str | None, settings: Settings, measured: Measurement) -> Since:
    if base is None:
        return Since(None, versioned=repository.head(root) is not None)
    lines = {
        path: found
        for path, found in changed_lines(repository.diff(root, base, settings.source)).items()
        if not matches(path, settings.elsewhere)
    }
    return Since(base, judge_changes(lines, measured.files, measured.sources))


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
    yield (
        f"Measured with {' and '.join(who.cores) or 'no core'} ({measured.choice.why}): {who.tests} tests in {where}."
    )
    yield f"Line by line: {options.out / HTML / 'index.html'}."


def _raise(
    root: Path, settings: Settings, measured: Measurement, ratchet: Mapping[str, Notch]
) -> None:
    reached = {one.name: one.figures for one in judge(measured.files, settings, ratchet)}
    write_text(root / FILE, write_ratchet(raise_ratchet(ratchet, reached)))
