"""The command `compare`: run the suite several times as it is run every day, and compare outcomes test by test."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shakeproof import evidence, orders
from shakeproof.files import make_folder, write_lines, write_text
from shakeproof.investigate.classify import classify
from shakeproof.investigate.confirm import Reproduction, finding, reproduction, shows
from shakeproof.investigate.follow_up import follow_ups
from shakeproof.lab.fresh import FreshLab
from shakeproof.lab.probe import check_collected, check_plugins, check_target
from shakeproof.model import (
    Experiment,
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
from shakeproof.report import words
from shakeproof.report.as_json import to_json
from shakeproof.report.markdown import audit, verification

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from shakeproof.lab.base import Target
    from shakeproof.report.terminal import Terminal


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is to be compared, and where the report goes."""

    target: Target
    repeat: int
    seeds: tuple[int, ...]
    parallel: bool
    jobs: int
    master_seed: int
    out: Path
    json: Path | None = None


def compare(wanted: Comparison, terminal: Terminal) -> Report:
    """Make the runs, settle what differs between them, confirm it in fresh processes, and write the report.

    Interrupted at any point it writes the report of what was seen until then. Raises ShakeproofError for a target, an
    argument or a report folder that cannot be used, and NothingToJudgeError where no tests are found.
    """
    check_target(wanted.target)
    make_folder(wanted.out / "logs")
    if wanted.json is not None:
        make_folder(wanted.json.absolute().parent, "--json")
    begun = time.monotonic()
    seen = _Seen()
    try:
        _investigate(wanted, terminal, seen)
    except KeyboardInterrupt:
        seen.interrupted = True
    if not seen.runs:
        raise KeyboardInterrupt
    if seen.interrupted:
        _close_open_cases(wanted, seen)
    report = _report(wanted, seen, time.monotonic() - begun)
    _write(wanted, report)
    return report


class _Seen:
    """What has been gathered so far: kept outside the investigation, so that an interruption loses none of it."""

    def __init__(self) -> None:
        self.planned: tuple[Experiment, ...] = ()
        self.runs: list[Run] = []
        self.suspicions: tuple[Suspicion, ...] = ()
        self.findings: list[Finding] = []
        self.interrupted = False


def _investigate(wanted: Comparison, terminal: Terminal, seen: _Seen) -> None:
    seen.planned = orders.comparison(
        repeat=wanted.repeat,
        seeds=wanted.seeds,
        parallel=wanted.parallel,
        concurrent=wanted.jobs > 1,
    )
    if wanted.seeds:
        seeds = ", ".join(str(seed) for seed in wanted.seeds)
        terminal.say(f"seeds: {seeds}")
    lab = FreshLab(wanted.target, wanted.out / "logs", terminal.progress)
    beside = tuple(experiment for experiment in seen.planned if experiment.concurrent)
    by_itself = tuple(experiment for experiment in seen.planned if not experiment.concurrent)
    _gather(lab.at_once(wanted.jobs), beside, terminal, seen)
    _gather(lab, by_itself, terminal, seen)
    seen.suspicions = classify(seen.runs)
    while further := follow_ups(seen.suspicions, seen.runs):
        terminal.say(f"settling {words.plural(len(seen.suspicions), 'difference')}")
        _gather(lab, further, terminal, seen)
        seen.suspicions = classify(seen.runs)
    for number, suspicion in enumerate(seen.suspicions, 1):
        seen.findings.append(_confirm(wanted, terminal, lab, suspicion, number))


def _gather(
    lab: FreshLab, experiments: Sequence[Experiment], terminal: Terminal, seen: _Seen
) -> None:
    for run in lab.run(experiments):
        if not seen.runs:
            check_collected(run)
            check_plugins(run, seen.planned)
        seen.runs.append(run)
        terminal.ended(run)


def _confirm(
    wanted: Comparison, terminal: Terminal, lab: FreshLab, suspicion: Suspicion, number: int
) -> Finding:
    shown = _reproduction(wanted, suspicion, number)
    tries: list[Run] = []
    while len(tries) < shown.tries and not any(shows(suspicion, run) for run in tries):
        # One try at a time: one that is not needed is not begun, so none is killed halfway.
        for run in lab.at_once(shown.copies).run([shown.experiment] * shown.copies):
            terminal.over(run)
            tries.append(run)
    return finding(suspicion, number, shown, tries)


def _close_open_cases(wanted: Comparison, seen: _Seen) -> None:
    """Report what had been seen when there was no time left to confirm it."""
    seen.suspicions = classify(seen.runs)
    for number, suspicion in enumerate(seen.suspicions, 1):
        if number > len(seen.findings):
            shown = _reproduction(wanted, suspicion, number)
            seen.findings.append(finding(suspicion, number, shown, ()))


def _reproduction(wanted: Comparison, suspicion: Suspicion, number: int) -> Reproduction:
    order_file = wanted.out / "orders" / f"F{number}.txt"
    target = wanted.target
    shown = reproduction(suspicion, number, target.pytest_arguments, order_file, target.rootdir)
    if shown.order:
        make_folder(order_file.parent)
        write_lines(order_file, shown.order)
    return shown


def _report(wanted: Comparison, seen: _Seen, seconds: float) -> Report:
    runs = sorted(seen.runs, key=lambda run: _place(run.experiment))
    planned = len(seen.planned)
    made = sum(run.experiment.kind not in (Kind.ALONE, Kind.REPLAY) for run in runs)
    untried = sum(not each.tries for each in seen.findings)
    collected = {test for run in runs for test in run.collected}
    waiting = sorted(collected.difference(*(run.order for run in runs)))
    incomplete: list[str] = []
    if made < planned:
        incomplete.append(f"{planned - made} of {planned} runs: interrupted")
    if untried:
        incomplete.append(f"confirming {untried} of {len(seen.findings)} findings: interrupted")
    if waiting:
        incomplete.append(
            f"{len(waiting)} of {len(collected)} tests, which never had their turn: {waiting[0]}"
            + (" and others" if waiting[1:] else "")
        )
    shuffled = [run for run in runs if run.experiment.kind is Kind.SHUFFLED]
    caught = {
        suspicion.test: sum(
            outcome.test == suspicion.test and outcome.bad
            for run in shuffled
            for outcome in run.outcomes
        )
        for suspicion in seen.suspicions
        if suspicion.kind is Instability.VICTIM
    }
    durations = sum(outcome.seconds for run in runs for outcome in run.outcomes)
    return Report(
        verdict=_verdict(seen),
        suite=Suite(
            rootdir=os.path.relpath(wanted.target.rootdir),
            python=runs[0].python,
            pytest=runs[0].pytest,
            tests=len({test for run in runs for test in run.collected}),
            seed=wanted.master_seed,
        ),
        evidence=evidence.weigh(runs, caught_by_shuffles=caught, incomplete=tuple(incomplete)),
        findings=tuple(seen.findings),
        timing=Timing(
            seconds=seconds,
            limit=durations / wanted.jobs,
            collection=statistics.median(run.collection_seconds for run in runs),
        ),
        runs=tuple(_summary(run) for run in runs),
    )


def _place(experiment: Experiment) -> tuple[int, int]:
    """Sort runs as they were planned: with several at a time they end in any order."""
    kinds = tuple(Kind)
    number = experiment.label.partition("#")[2].partition(" ")[0]
    return kinds.index(experiment.kind), int(number or 0)


def _verdict(seen: _Seen) -> Verdict:
    if seen.interrupted:
        return Verdict.INTERRUPTED
    kinds: Iterable[Instability] = (each.kind for each in seen.findings if each.confirmed)
    if any(kind is not Instability.BROKEN for kind in kinds):
        return Verdict.UNSTABLE
    if any(each.kind is Instability.BROKEN for each in seen.findings):
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


def _write(wanted: Comparison, report: Report) -> None:
    text = to_json(report)
    write_text(wanted.out / "report.json", text)
    write_text(wanted.out / "flaky_test_audit.md", audit(report))
    write_text(wanted.out / "flaky_test_verification.md", verification(report))
    if wanted.json is not None:
        write_text(wanted.json, text)
