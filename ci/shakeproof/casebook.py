"""What an investigation gathers, and how it ends: findings confirmed in fresh processes, and a report on disk."""

from __future__ import annotations

import math
import os
import re
import statistics
import time
from bisect import insort
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from shakeproof import evidence
from shakeproof.errors import ShakeproofError, UnwrittenError
from shakeproof.files import make_folder, write_lines, write_text
from shakeproof.investigate.ambient import as_usual, under_its_condition
from shakeproof.investigate.causes import ranked
from shakeproof.investigate.classify import classify
from shakeproof.investigate.confirm import (
    Reproduction,
    alone_too,
    counter_check,
    finding,
    length,
    other_ways,
    passes_alone,
    reproduction,
    shows,
    under_its_hash_seed,
    whole_suite,
)
from shakeproof.lab.probe import refusal
from shakeproof.model import (
    Finding,
    Instability,
    Kind,
    Report,
    Run,
    RunSummary,
    Suite,
    Suspicion,
    Timing,
    Verdict,
)
from shakeproof.report import phrases
from shakeproof.report.as_json import to_json
from shakeproof.report.former import REPORTS, set_aside
from shakeproof.report.markdown import audit, verification

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from shakeproof.lab.base import Lab, Target
    from shakeproof.model import Cause, Experiment, Leak
    from shakeproof.report.terminal import Terminal


SECONDS_BETWEEN_REPORTS = 10.0  # while findings are confirmed


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
    ambient: tuple[
        Suspicion, ...
    ] = ()  # tests that fail only while something around them is other than usual
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


def confirm_all(
    setting: Setting,
    lab: Lab,
    terminal: Terminal,
    book: Casebook,
    seconds: float = math.inf,
) -> None:
    """Run the command of each suspicion in fresh processes, and where there is one its counter-check.

    Short commands come first, and the findings are entered one by one. After so many seconds from the beginning of the
    investigation only what may still change the verdict is run, each command once; the rest is entered unconfirmed.
    """
    confirming = _Confirming(setting, lab, terminal, until=book.begun + seconds)
    kept = time.monotonic()
    left: list[tuple[int, Suspicion]] = []
    for number, suspicion in sorted(
        enumerate(book.suspicions, 1), key=lambda case: length(case[1])
    ):
        if confirming.late() and _settled(book.findings, suspicion):
            left.append((number, suspicion))
            continue
        shown = _reproduction(setting, suspicion, number)
        terminal.begin(
            f"confirming F{number} of {len(book.suspicions)}", shown.tries * shown.copies
        )
        book.enter(confirming.close(suspicion, number, shown))
        if time.monotonic() - kept > SECONDS_BETWEEN_REPORTS:
            keep(setting, book)
            kept = time.monotonic()
    # All at once: whoever interrupts before gets told that.
    for number, suspicion in left:
        book.enter(finding(suspicion, number, _reproduction(setting, suspicion, number), ()))
    if left:
        book.left_out(
            f"confirming {len(left)} of {len(book.suspicions)} findings: the budget was spent"
        )


def _settled(findings: Sequence[Finding], suspicion: Suspicion) -> bool:
    """Tell whether the verdict is what it is, whatever the command of this suspicion shows."""
    confirmed = {each.kind for each in findings if each.confirmed}
    if confirmed - {Instability.BROKEN}:
        return True
    return suspicion.kind is Instability.BROKEN and Instability.BROKEN in confirmed


@dataclass(frozen=True, slots=True)
class _Confirming:
    """Closes one case after the other."""

    setting: Setting
    lab: Lab
    terminal: Terminal
    until: float  # by the monotonic clock; after that each command is run once, and no more

    def late(self) -> bool:
        """Tell whether the time is up."""
        return time.monotonic() >= self.until

    def close(self, suspicion: Suspicion, number: int, shown: Reproduction) -> Finding:
        """Run the command of a suspicion, and where it shows it the counter-check."""
        tries = self._tries(suspicion, shown)
        for other in other_ways(suspicion):
            if any(shows(suspicion, run) for run in tries) or self.late():
                break
            suspicion, shown = other, _reproduction(self.setting, other, number)
            tries = self._tries(suspicion, shown)
        counter = None
        if any(shows(suspicion, run) for run in tries):
            counter = _counter_check(self.setting, suspicion, number, self.lab, shown)
        if counter is not None and (turned := alone_too(suspicion, counter)):
            return self._turned(turned, number, counter)
        seeded = under_its_hash_seed(suspicion, tries)
        if seeded is not None:
            again = _reproduction(self.setting, seeded, number)
            runs = self._tries(seeded, again)
            if any(shows(seeded, run) for run in runs):
                return _closed(seeded, number, again, runs)
        if passes_alone(suspicion, tries):
            whole = whole_suite(suspicion, number, self.setting.target.pytest_arguments)
            runs = self._tries(suspicion, whole)
            if any(shows(suspicion, run) for run in runs):
                return _closed(suspicion, number, whole, runs)
        return _closed(suspicion, number, shown, tries, counter)

    def _turned(self, suspicion: Suspicion, number: int, counter: Run) -> Finding:
        """Close the case of what turned out to fail alone: mostly the counter-check was its command already."""
        shown = _reproduction(self.setting, suspicion, number)
        if replace(counter.experiment, label=shown.experiment.label) == shown.experiment:
            return _closed(suspicion, number, shown, [counter])
        return _closed(suspicion, number, shown, self._tries(suspicion, shown))

    def _tries(self, suspicion: Suspicion, shown: Reproduction) -> list[Run]:
        """Run the command until it shows the suspicion, or was given every chance."""
        tries: list[Run] = []
        while (
            len(tries) < shown.tries
            and (not tries or not self.late())
            and not any(shows(suspicion, run) for run in tries)
        ):
            # One try at a time: one that is not needed is not begun, so none is killed halfway.
            for run in self.lab.at_once(shown.copies).run(shown.together):
                self.terminal.over(run)
                tries.append(run)
        return tries


def _closed(
    suspicion: Suspicion,
    number: int,
    shown: Reproduction,
    tries: Sequence[Run],
    counter: Run | None = None,
) -> Finding:
    refusals = [refusal(run) for run in tries]
    refused = refusals[-1] if refusals and all(refusals) else ""
    return finding(suspicion, number, shown, tries, counter, refusal=refused)


def keep(setting: Setting, book: Casebook) -> None:
    """Write the report of what is known so far, as if interrupted now: if that happens without notice, it is there."""
    if book.runs:
        book.judge()  # once for the copy and for the stage that comes next
        so_far = replace(
            book, findings=list(book.findings), incomplete=list(book.incomplete), interrupted=True
        )
        _write(setting, so_far)


def conclude(setting: Setting, book: Casebook) -> Report:
    """Make the last report and write it. What an interruption left open is entered unconfirmed.

    Raises UnwrittenError where somebody interrupts even this.
    """
    try:
        return _write(setting, book)
    except KeyboardInterrupt as error:
        kept = (setting.out / REPORTS[0]).exists()
        where = (
            f"the last complete one is in {setting.out}"
            if kept
            else f"there is none in {setting.out}"
        )
        raise UnwrittenError(f"interrupted while the report was written: {where}.") from error


def _write(setting: Setting, book: Casebook) -> Report:
    if book.interrupted:
        _close_open_cases(setting, book)
    report = _report(setting, book)
    text = to_json(report)
    for name, page in zip(REPORTS, (text, audit(report), verification(report)), strict=True):
        write_text(setting.out / name, page)
    if setting.json is not None:
        write_text(setting.json, text)
    _take_away_orders(setting, report)
    return report


def _take_away_orders(setting: Setting, report: Report) -> None:
    """Leave only the orders that a command reads: an earlier stage may have suspected more tests, or others."""
    arguments = (argument for each in report.findings for argument in each.replay.arguments or ())
    read = {argument.rpartition("/")[2] for argument in arguments if argument.startswith("@")}
    for file in (setting.out / "orders").glob("F*.txt"):
        if file.name not in read:
            file.unlink(missing_ok=True)


def _close_open_cases(setting: Setting, book: Casebook) -> None:
    made = frozenset(run.experiment.label for run in book.runs)
    missing = sum(experiment.label not in made for experiment in book.planned)
    if missing:
        book.incomplete.append(f"{missing} of {len(book.planned)} runs: interrupted")
    if not book.findings:  # else they are numbered already
        book.suspicions = book.suspected()
    closed = {each.id for each in book.findings}
    for number, suspicion in enumerate(book.suspicions, 1):
        if f"F{number}" not in closed:
            shown = _reproduction(setting, suspicion, number)
            book.enter(finding(suspicion, number, shown, ()))
    if book.to_do:
        book.incomplete.append(f"{', '.join(book.to_do)}: interrupted")
    untried = sum(not each.tries for each in book.findings)
    if untried:
        book.incomplete.append(
            f"confirming {untried} of {len(book.findings)} findings: interrupted"
        )


def _reproduction(setting: Setting, suspicion: Suspicion, number: int) -> Reproduction:
    order_file = setting.out / "orders" / f"F{number}.txt"
    target = setting.target
    shown = reproduction(suspicion, number, target.pytest_arguments, order_file, target.rootdir)
    if suspicion.condition is not None:
        shown = under_its_condition(shown, suspicion, target)
    if shown.order:
        write_lines(order_file, shown.order)
    return shown


def _counter_check(
    setting: Setting, suspicion: Suspicion, number: int, lab: Lab, shown: Reproduction
) -> Run | None:
    target = setting.target
    experiment = counter_check(suspicion, number, target.pytest_arguments, target.rootdir)
    if suspicion.condition is not None:
        experiment = as_usual(shown.experiment, number)
    if experiment is None:
        return None
    (run,) = lab.at_once(1).run([experiment])
    return run


def _report(setting: Setting, book: Casebook) -> Report:
    runs = sorted(book.runs, key=lambda run: _place(run.experiment))
    collected = {test for run in runs for test in run.collected}
    waiting = sorted(collected.difference(*(run.order for run in runs)))
    if waiting:
        book.incomplete.append(
            f"{len(waiting)} of {len(collected)} tests, which never had their turn: {waiting[0]}"
            + (" and others" if waiting[1:] else "")
        )
    if refuted := sum(each.refuted for each in book.findings):
        book.left_out(_unjudged(refuted, forked=book.forked))
    shuffled = (run for run in runs if run.experiment.kind is Kind.SHUFFLED)
    failures = Counter(o.test for run in shuffled for o in run.outcomes if o.bad)
    caught = {
        suspicion.test: failures[suspicion.test]
        for suspicion in book.suspicions
        if suspicion.kind is Instability.VICTIM
    }
    return Report(
        verdict=_verdict(book),
        suite=Suite(
            rootdir=os.path.relpath(setting.target.rootdir),
            folder=str(setting.target.rootdir),
            interpreter=setting.target.python,
            python=runs[0].python,
            pytest=runs[0].pytest,
            tests=len(collected),
            seed=setting.master_seed,
        ),
        evidence=evidence.weigh(
            runs,
            caught_by_shuffles=caught,
            incomplete=tuple(book.incomplete),
            pairs=book.pairs,
            besides=book.ambient_runs,
        ),
        findings=tuple(book.findings),
        timing=Timing(
            seconds=time.monotonic() - book.begun,
            limit=sum(map(_busy, (*runs, *book.ambient_runs))) / setting.jobs,
            collection=statistics.median(run.collection_seconds for run in runs),
            stages=tuple(book.stages),
        ),
        runs=tuple(_summary(run) for run in (*runs, *book.ambient_runs)),
        leaks=ranked(book.leaks, book.findings),
    )


def _busy(run: Run) -> float:
    """Give the seconds that its tests took: no worker was busy for longer than the run, whatever a clock said."""
    by_worker: defaultdict[str, float] = defaultdict(float)
    for outcome in run.outcomes:
        by_worker[outcome.worker] += outcome.seconds
    return sum(min(seconds, run.seconds) for seconds in by_worker.values())


def _unjudged(tests: int, *, forked: bool) -> str:
    """Note the tests that failed in every run and passed in a fresh process."""
    what = f"judging {phrases.plural(tests, 'test')}"
    if not forked:
        return f"{what} that failed in every run, and passed when asked once more"
    return f"{what} that only {'fails' if tests == 1 else 'fail'} in forks: ask again with --runner fresh"


def _place(experiment: Experiment) -> tuple[int, int]:
    """Sort runs as they were planned: with several at a time they end in any order."""
    kinds = tuple(Kind)
    number = re.match(r"\w+ #(\d+)", experiment.label)  # not one in the id of a test
    return kinds.index(experiment.kind), int(number[1]) if number else 0


def _verdict(book: Casebook) -> Verdict:
    if book.interrupted:
        return Verdict.INTERRUPTED
    kinds: Iterable[Instability] = (each.kind for each in book.findings if each.confirmed)
    if any(kind is not Instability.BROKEN for kind in kinds):
        return Verdict.UNSTABLE
    # A test that passes when its command is tried does not fail in every run, whatever the laboratory saw.
    if any(each.kind is Instability.BROKEN and not each.refuted for each in book.findings):
        return Verdict.FAILING
    return Verdict.STABLE


def _summary(run: Run) -> RunSummary:
    return RunSummary(
        label=run.experiment.label,
        kind=run.experiment.kind.value,
        seed=run.experiment.seed,
        hash_seed=run.experiment.hash_seed,
        exit_status=run.exit_status,
        seconds=run.seconds,
        tests=len(run.order),
        failures=sum(outcome.bad for outcome in run.outcomes),
    )
