"""The report as `report.json` (pure): the schema is `shakeproof.report/1`, fields are added and never renamed."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shakeproof.model import Cause, Finding, Leak, Report, RunSummary

SCHEMA = "shakeproof.report/1"


def to_json(report: Report) -> str:
    """Write the report for programs. Times are in seconds, rates and shares between 0 and 1."""
    return json.dumps(document(report), indent=2, ensure_ascii=False) + "\n"


def document(report: Report) -> dict[str, Any]:
    """Lay the report out as the contract has it."""
    suite, evidence, timing = report.suite, report.evidence, report.timing
    return {
        "schema": SCHEMA,
        "verdict": report.verdict.value,
        "suite": {
            "rootdir": suite.rootdir,
            "folder": suite.folder,
            "interpreter": suite.interpreter,
            "python": suite.python,
            "pytest": suite.pytest,
            "tests": suite.tests,
            "seed": suite.seed,
        },
        "evidence": {
            "experiments": dict(evidence.experiments),
            "test_runs": evidence.test_runs,
            "order_pairs_seen": round(evidence.order_pairs_seen, 4),
            "failure_rate_below": round(evidence.failure_rate_below, 4),
            "confidence": evidence.confidence,
            "unseen_unstable": round(evidence.unseen_unstable, 2),
            "pairs_covered": round(evidence.pairs_covered, 4),
            "incomplete": list(evidence.incomplete),
        },
        "findings": [_finding(finding) for finding in report.findings],
        "leaks": [_leak(leak) for leak in report.leaks],
        "timing": {
            "seconds": round(timing.seconds, 2),
            "collection": round(timing.collection, 2),
            "limit": round(timing.limit, 2),
            "stages": [[name, round(seconds, 2)] for name, seconds in timing.stages],
        },
        "runs": [_run(run) for run in report.runs],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "test": finding.test,
        "kind": finding.kind.value,
        "outcome": finding.status.value,
        "culprits": [list(culprits) for culprits in finding.culprits],
        "cleaners": list(finding.cleaners),
        "causes": [_cause(cause) for cause in finding.causes],
        "runs": finding.runs,
        "failures": finding.failures,
        "failing": list(finding.failing),
        "message": finding.message,
        "reproduce": finding.reproduce,
        "replay": _replay(finding),
        "confirmed": finding.confirmed,
        "tries": finding.tries,
        "shown": finding.shown,
        "passed": finding.passed,
        "refusal": finding.refusal,
        "counter_check": finding.counter_check,
        "reason": finding.reason,
        "rate": round(finding.rate, 2),
        "condition": finding.condition.name if finding.condition else None,
    }


def _cause(cause: Cause) -> dict[str, Any]:
    return {**_leak(cause.leak), "proven": cause.proven, "together": list(cause.together)}


def _leak(leak: Leak) -> dict[str, Any]:
    return {
        "by": leak.by,
        "category": leak.category,
        "key": leak.key,
        "before": leak.before,
        "after": leak.after,
    }


def _replay(finding: Finding) -> dict[str, Any]:
    """Keep what `shakeproof replay` needs: the command as an experiment."""
    experiment = finding.replay
    return {
        "arguments": experiment.arguments,
        "tests": experiment.tests,
        "hash_seed": experiment.hash_seed,
        "plugins": sorted(experiment.plugins),
        "copies": finding.copies,
        "condition": asdict(experiment.condition) if experiment.condition else None,
        "beside": _beside(finding),
    }


def _beside(finding: Finding) -> dict[str, Any] | None:
    """Keep what runs at the same time, where that is not the same once more."""
    other = finding.beside
    return None if other is None else {"arguments": other.arguments, "tests": other.tests}


def _run(run: RunSummary) -> dict[str, Any]:
    return {
        "label": run.label,
        "kind": run.kind,
        "seed": run.seed,
        "hash_seed": run.hash_seed,
        "exit_status": run.exit_status,
        "seconds": round(run.seconds, 2),
        "tests": run.tests,
        "failures": run.failures,
    }
