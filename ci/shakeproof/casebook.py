"""What an investigation is told, and what it gathers."""

from __future__ import annotations

import time
from bisect import insort
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from shakeproof.errors import ShakeproofError
from shakeproof.files import make_folder
from shakeproof.investigate.classify import classify
from shakeproof.model import (
    Finding,
    Instability,
    Run,
    Suspicion,
)
from shakeproof.report.former import REPORTS, set_aside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shakeproof.lab.base import Target
    from shakeproof.model import Cause, Experiment, Leak


@dataclass(frozen=True, slots=True)
class Setting:
    """What every investigation is told: the project, how many runs at a time, and where the report goes."""

    target: Target
    jobs: int
    master_seed: int
    out: Path
    json: Path | None = None

    def prepare(self) -> None:
        """Make the folders, and put away the last report: nobody shall take its verdict for that of this run.

        Raises ShakeproofError where a folder cannot be written.
        """
        make_folder(self.out / "logs")
        for file in (*map(self.out.joinpath, REPORTS), *([self.json] if self.json else [])):
            if file.is_dir():
                raise ShakeproofError(
                    f"The report cannot be written to {file}, which is a folder: name another place."
                )
        if self.json is not None:
            make_folder(self.json.absolute().parent, "--json")
        try:
            set_aside(self.out, self.json)
        except OSError as error:
            raise ShakeproofError(
                f"The last report in {self.out} cannot be put away ({(error.strerror or str(error)).lower()}): "
                "name another folder with --out."
            ) from error


@dataclass(slots=True)
class Casebook:
    """What has been gathered so far: kept outside the investigation, so that an interruption loses none of it."""

    planned: tuple[Experiment, ...] = ()
    runs: list[Run] = field(default_factory=list)
    suspicions: tuple[Suspicion, ...] = ()
    # Those whose culprits were looked for, by test and reason.
    accused: dict[tuple[str, str], Suspicion] = field(default_factory=dict)
    # What their culprits leave behind, by test, reason and culprits.
    explained: dict[tuple[str, str, tuple[str, ...]], tuple[Cause, ...]] = field(
        default_factory=dict
    )
    leaks: tuple[Leak, ...] = ()  # what each test leaves behind, victim or not
    # Tests that fail only while something around them is other than usual.
    ambient: tuple[Suspicion, ...] = ()
    # The runs that showed it: kept apart, for they are not to be compared with the others.
    ambient_runs: list[Run] = field(default_factory=list)
    pairs: int = 0  # ordered pairs that were run; of these, `runs` holds only the odd ones
    findings: list[Finding] = field(default_factory=list)
    # A sentence for each thing planned and not done.
    incomplete: list[str] = field(default_factory=list)
    to_do: list[str] = field(default_factory=list)  # the stages that are not through
    # Seconds that each stage took; one that is gone through twice is there twice.
    stages: list[tuple[str, float]] = field(default_factory=list)
    collecting: float = 0.0  # seconds that it took a fresh process
    forked: bool = False  # whether the runs were forks of one process that had collected
    interrupted: bool = False
    begun: float = field(default_factory=time.monotonic)
    _judged: tuple[int, tuple[Suspicion, ...]] = (0, ())  # of how many runs, and what they showed

    def judge(self) -> tuple[Suspicion, ...]:
        """Classify the runs. It takes seconds where there are many, so the answer is kept until there are more."""
        if self._judged[0] != len(self.runs):
            self._judged = len(self.runs), classify(self.runs)
        return self._judged[1]

    def suspected(self) -> tuple[Suspicion, ...]:
        """Say what is suspected now, with the culprits that have been named by now."""
        judged = tuple(self.recalled(each) or each for each in self.judge())
        return (*judged, *self.ambient)

    def left_out(self, what: str) -> None:
        """Note what was planned and not done."""
        if what not in self.incomplete:
            self.incomplete.append(what)

    def accuse(self, suspicion: Suspicion) -> None:
        """Note what was found out about the culprits of a test."""
        self.accused[suspicion.test, suspicion.reason] = suspicion

    def recalled(self, suspicion: Suspicion) -> Suspicion | None:
        """Put in what was found out about its culprits; None where they were not looked for, or it is another kind."""
        known = self.accused.get((suspicion.test, suspicion.reason))
        if known is None or not _still_holds(known, suspicion):
            return None
        causes = tuple(
            cause
            for members in known.culprits or ((),)
            for cause in self.explained.get((known.test, known.reason, members), ())
        )
        return replace(
            suspicion,
            kind=known.kind,
            culprits=known.culprits,
            cleaners=known.cleaners,
            causes=causes,
            turns=known.turns,
        )

    def enter(self, found: Finding) -> None:
        """Put a finding in its place: they are not closed in the order of their numbers."""
        insort(self.findings, found, key=lambda each: int(each.id.removeprefix("F")))

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Outlive an interruption: what was gathered by then is reported - unless that is not a single run."""
        try:
            yield
        except KeyboardInterrupt:
            if not self.runs:
                raise
            self.interrupted = True


def _still_holds(known: Suspicion, suspicion: Suspicion) -> bool:
    """Tell whether what was found out about a test is said of what it is suspected of now, after more runs.

    Looked into, a broken test may have turned out to fail for what another file does, and an intermittent victim by
    chance: until it is seen to fail each time, or most often behind others than those that were asked.
    """
    if known.kind is Instability.IMPORT_POLLUTED:
        return suspicion.kind is Instability.BROKEN
    if known.kind is Instability.NON_DETERMINISTIC and suspicion.kind is Instability.VICTIM:
        return suspicion.rate < 1 and suspicion.example.order == known.example.order
    return known.kind is suspicion.kind
