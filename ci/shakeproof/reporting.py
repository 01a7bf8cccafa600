"""How an investigation ends, and every stage of it: with a report on disk."""

from __future__ import annotations

import os
import re
import statistics
import time
from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from shakeproof import evidence
from shakeproof.errors import UnwrittenError
from shakeproof.files import write_lines, write_text
from shakeproof.investigate.ambient import under_its_condition
from shakeproof.investigate.causes import ranked
from shakeproof.investigate.commands import Reproduction, reproduction
from shakeproof.investigate.confirm import finding
from shakeproof.messages import mask
from shakeproof.model import (
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
from shakeproof.report.former import REPORTS
from shakeproof.report.markdown import audit, verification

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shakeproof.casebook import Casebook, Setting
    from shakeproof.model import Experiment, Finding, Leak


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
            shown = command_for(setting, suspicion, number)
            book.enter(finding(suspicion, number, shown, ()))
    if book.to_do:
        book.incomplete.append(f"{', '.join(book.to_do)}: interrupted")
    untried = sum(not each.tries for each in book.findings)
    if untried:
        book.incomplete.append(
            f"confirming {untried} of {len(book.findings)} findings: interrupted"
        )


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
        findings=tuple(map(_masked, book.findings)),
        timing=Timing(
            seconds=time.monotonic() - book.begun,
            limit=sum(map(_busy, (*runs, *book.ambient_runs))) / setting.jobs,
            collection=statistics.median(run.collection_seconds for run in runs),
            stages=tuple(book.stages),
        ),
        runs=tuple(_summary(run) for run in (*runs, *book.ambient_runs)),
        leaks=tuple(map(_masked_leak, ranked(book.leaks, book.findings))),
    )


def _masked(finding: Finding) -> Finding:
    """Hide secrets in the names of pieces of state, which have to be as they are until all is put back."""
    causes = (
        replace(each, leak=_masked_leak(each.leak), together=tuple(map(mask, each.together)))
        for each in finding.causes
    )
    return replace(finding, causes=tuple(causes))


def _masked_leak(leak: Leak) -> Leak:
    return replace(leak, key=mask(leak.key))


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


def command_for(setting: Setting, suspicion: Suspicion, number: int) -> Reproduction:
    """Write the command for a suspicion, and the file with its order where it needs one."""
    order_file = setting.out / "orders" / f"F{number}.txt"
    target = setting.target
    shown = reproduction(suspicion, number, target.pytest_arguments, order_file, target.rootdir)
    shown = under_its_condition(shown, suspicion, target)
    if shown.order:
        write_lines(order_file, shown.order)
    return shown
