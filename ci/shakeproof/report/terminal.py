"""The report as a tired person reads it: the verdict first, then one paragraph a finding."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from shakeproof.messages import headline
from shakeproof.model import Instability, Verdict
from shakeproof.report import phrases, story, words
from shakeproof.report.groups import by_mistake

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shakeproof.model import Finding, Report, Run

GREEN, RED, YELLOW, BOLD = "32", "31", "33", "1"
DEFAULT_OUT = ".shakeproof"  # the report directory where none is named
COLOURS = (
    (Verdict.STABLE, GREEN),
    (Verdict.UNSTABLE, RED),
    (Verdict.FAILING, YELLOW),
    (Verdict.NOTHING, YELLOW),
    (Verdict.INTERRUPTED, YELLOW),
)


def wants_colour(choice: str, stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Decide on colour: what the user chose, else NO_COLOR and CI (no-color.org), else whether somebody looks."""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not environ.get("NO_COLOR") and not environ.get("CI")


@dataclass(slots=True)
class _Stage:
    """Some runs of one kind."""

    what: str
    planned: int
    made: int = 0


@dataclass(slots=True)
class Terminal:
    """Prints results to `out`, and progress to the terminal behind `err` if there is one."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    colour: bool = False
    quiet: bool = False
    verbose: bool = False
    pause: float = 0.1  # seconds at least between two drawings of the progress: hundreds of runs may end in one
    _stage: _Stage | None = None  # what is being tried now
    _failing: set[str] = field(default_factory=set)  # tests seen to fail so far
    _progress: dict[str, int] = field(default_factory=dict)  # by run under way: tests ended
    _drawn: bool = False  # whether a progress line stands on the terminal now
    _last_drawn: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, text: str) -> None:
        """Print a line that belongs to the result."""
        if not self.quiet:
            with self._lock:
                self._wipe()
                _print(text, self.out)

    def progress(self, label: str, ended: int) -> None:
        """Show how far the runs under way have come; nothing where nobody is looking."""
        if self._seen:
            with self._lock:
                self._progress[label] = ended
                self._draw()

    def begin(self, what: str, runs: int) -> None:
        """Go on to something else: `runs` more runs."""
        with self._lock:
            self._stage = _Stage(what, runs)
            self._progress.clear()

    def over(self, run: Run) -> None:
        """Take a run that has ended out of the progress."""
        with self._lock:
            self._progress.pop(run.experiment.label, None)
            if self._stage is None:
                self._wipe()
                return
            self._stage.made += 1
            self._failing.update(outcome.test for outcome in run.outcomes if outcome.bad)
            if self._seen:
                self._draw()

    def made(self, run: Run) -> None:
        """Take note of a run that has ended; print it only for those who want to read every one."""
        if self.verbose:
            self.ended(run)
        else:
            self.over(run)

    def ended(self, run: Run) -> None:
        """Print what a run showed, in one line."""
        self.over(run)
        bad = sum(outcome.bad for outcome in run.outcomes)
        result = self._paint(f"{bad} failed", RED) if bad else self._paint("no failure", GREEN)
        tests = phrases.plural(len(run.order), "test")
        self.say(f"  {run.experiment.label}: {tests}, {result}, {run.seconds:.1f} s")

    def complain(self, text: str) -> None:
        """Print why there is no report, also when quiet."""
        with self._lock:
            self._wipe()
            _print(text, self.err)

    def report(self, report: Report, folder: str) -> None:
        """Print the whole report, also when quiet."""
        with self._lock:
            self._wipe()
            _print("\n".join(self._report(report, folder)), self.out)

    def finding(self, finding: Finding, report: Report | None = None) -> None:
        """Print one finding with everything that is known of it, and what the report it is from adds to that."""
        notes = [] if report is None else _beside(finding, report)
        with self._lock:
            full = (*story.in_full(finding), *notes)
            lines = [*self._finding(finding), *(f"   {line}" for line in full)]
            _print("\n".join(lines), self.out)

    def _report(self, report: Report, folder: str) -> list[str]:
        colour = dict(COLOURS)[report.verdict]
        lines = ["", f"{self._paint(report.verdict.value, BOLD, colour)}: {words.verdict(report)}"]
        if report.findings:
            lines += [f"  {words.where(_from_here(report.suite.folder))}"]
        for findings in by_mistake(report.findings):
            lines += ["", *self._mistake(findings)]
        lines += [
            "",
            f"  {words.experiments(report.evidence)}",
            f"  {words.worth(report.evidence)}",
            *(f"  {sentence}" for sentence in words.leaks(report)),
            *(f"  not done: {what}" for what in report.evidence.incomplete),
            f"  report: {folder}" + _in_full(report, folder),
        ]
        return lines

    def _mistake(self, findings: Sequence[Finding]) -> list[str]:
        """Say what findings have in common once, and of each what is its own."""
        first, *others = findings
        if not others:
            return self._finding(first)
        return [
            self._paint(story.mistake(findings), BOLD),
            *(f"   {sentence}" for sentence in story.cause_of(first, tests=len(findings))),
            *(line for each in findings for line in ("", *self._own(each))),
        ]

    def _finding(self, finding: Finding) -> list[str]:
        title, *own = self._own(finding)
        return [title, *(f"   {sentence}" for sentence in story.cause_of(finding)), *own]

    def _own(self, finding: Finding) -> list[str]:
        """Say what is true of this finding alone."""
        colour = YELLOW if finding.kind is Instability.BROKEN or not finding.confirmed else RED
        return [
            f"{self._paint(finding.id, BOLD)} {self._paint(finding.kind.value, colour)} {finding.test}",
            f"   {story.seen_in(finding)}, with: {headline(finding.message)}",
            *(f"   {sentence}" for sentence in story.cleaners(finding)),
            f"   {story.confirmation(finding)}:",
            f"   {finding.reproduce}",
        ]

    @property
    def _seen(self) -> bool:
        return not self.quiet and self.err.isatty()

    def _draw(self) -> None:
        """Draw the progress, unless that was done a moment ago."""
        now = time.monotonic()
        if now - self._last_drawn < self.pause:
            return
        self._last_drawn = now
        print(f"\r\033[K{headline(self._line(), 100)}", end="", file=self.err, flush=True)
        self._drawn = True

    def _line(self) -> str:
        under_way = ", ".join(
            f"{name}: {phrases.plural(count, 'test')}" for name, count in self._progress.items()
        )
        if self._stage is None:
            return under_way
        failing = phrases.plural(len(self._failing), "test") + " seen to fail"
        stage = f"{self._stage.what}: {self._stage.made:,} of {phrases.plural(self._stage.planned, 'run')}"
        return f"{stage}; {failing}" + (f"; {under_way}" if under_way else "")

    def _wipe(self) -> None:
        if self._drawn:
            print("\r\033[K", end="", file=self.err, flush=True)
            self._drawn = False

    def _paint(self, text: str, *codes: str) -> str:
        return f"\033[{';'.join(codes)}m{text}\033[0m" if self.colour else text


def _beside(finding: Finding, report: Report) -> list[str]:
    """Say which findings are the same mistake, and where commands are run."""
    (same,) = (each for each in by_mistake(report.findings) if finding in each)
    return [*story.same_mistake(finding, same), words.where(_from_here(report.suite.folder))]


def _from_here(folder: str) -> str:
    """Name a folder from where the reader stands, unless it lies elsewhere."""
    near = os.path.relpath(folder)
    return folder if near.startswith(os.pardir) else near


def _in_full(report: Report, folder: str) -> str:
    """Say how one finding is shown with all that is known of it, and how it is mended as code."""
    if not report.findings:
        return ""
    out = "" if folder == DEFAULT_OUT else f" --out {shlex.quote(folder)}"
    return f"; `shakeproof show {report.findings[0].id}{out}` says more of a finding, and how to mend it"


def _print(text: str, stream: TextIO) -> None:
    """Print a line. Whoever reads may stop reading (`| head`): that changes no verdict."""
    with contextlib.suppress(BrokenPipeError):
        print(text, file=stream, flush=True)
