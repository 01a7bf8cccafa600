"""The last report, read back from `report.json`: for whoever wants to see it, or run one of its commands, again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shakeproof.errors import ShakeproofError
from shakeproof.model import (
    Cause,
    Condition,
    Evidence,
    Experiment,
    Finding,
    Instability,
    Kind,
    Leak,
    Report,
    RunSummary,
    Status,
    Suite,
    Timing,
    Verdict,
)
from shakeproof.report.as_json import SCHEMA

if TYPE_CHECKING:
    from pathlib import Path


def read_report(folder: Path) -> Report:
    """Read the report of a directory.

    Raises ShakeproofError where there is none, or something else in its place.
    """
    path = folder / "report.json"
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return _report(document)
    except OSError as error:
        raise ShakeproofError(
            f"There is no report in {folder} ({(error.strerror or str(error)).lower()}): "
            "name its directory with --out."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ShakeproofError(
            f"{path} is not a report of this version of Shakeproof ({error}): make a new one."
        ) from error


def find(report: Report, finding_id: str, folder: Path) -> Finding:
    """Give one finding of a report; ShakeproofError where it has no such finding."""
    for finding in report.findings:
        if finding.id == finding_id:
            return finding
    known = ", ".join(finding.id for finding in report.findings) or "none"
    raise ShakeproofError(f"The report in {folder} has no finding {finding_id}: it has {known}.")


def _report(document: dict[str, Any]) -> Report:
    if document["schema"] != SCHEMA:
        raise ValueError(f"its schema is {document['schema']!r}")
    evidence = document["evidence"]
    return Report(
        verdict=Verdict(document["verdict"]),
        suite=Suite(**document["suite"]),
        evidence=Evidence(
            **{
                **evidence,
                "experiments": tuple(evidence["experiments"].items()),
                "incomplete": tuple(evidence["incomplete"]),
            }
        ),
        findings=tuple(_finding(each) for each in document["findings"]),
        timing=Timing(
            **{
                **document["timing"],
                "stages": tuple(map(tuple, document["timing"].get("stages", ()))),
            }
        ),
        runs=tuple(RunSummary(**each) for each in document["runs"]),
        leaks=tuple(Leak(**each) for each in document["leaks"]),
    )


def _finding(stored: dict[str, Any]) -> Finding:
    replay = stored["replay"]
    again = Experiment(
        label=f"replay of {stored['id']}",
        kind=Kind.REPLAY,
        arguments=tuple(replay["arguments"]),
        tests=None if replay["tests"] is None else tuple(replay["tests"]),
        plugins=frozenset(replay["plugins"]),
        hash_seed=replay["hash_seed"],
        shares_temporary=replay["copies"] > 1,
        condition=_condition(replay.get("condition")),
    )
    other = replay.get("beside")
    beside = None
    if other is not None:
        tests = None if other["tests"] is None else tuple(other["tests"])
        beside = replace(again, arguments=tuple(other["arguments"]), tests=tests)
    return Finding(
        id=stored["id"],
        test=stored["test"],
        kind=Instability(stored["kind"]),
        status=Status(stored["outcome"]),
        message=stored["message"],
        runs=stored["runs"],
        failures=stored["failures"],
        failing=tuple(stored["failing"]),
        reproduce=stored["reproduce"],
        replay=again,
        copies=replay["copies"],
        beside=beside,
        confirmed=stored["confirmed"],
        tries=stored["tries"],
        shown=stored["shown"],
        passed=stored["passed"],
        refusal=stored["refusal"],
        culprits=tuple(map(tuple, stored["culprits"])),
        cleaners=tuple(stored["cleaners"]),
        reason=stored["reason"],
        rate=stored["rate"],
        causes=tuple(_cause(each) for each in stored["causes"]),
        counter_check=stored["counter_check"],
    )


def _condition(stored: dict[str, Any] | None) -> Condition | None:
    if stored is None:
        return None
    variables = tuple((key, value) for key, value in stored["environment"])
    return Condition(**{**stored, "environment": variables})


def _cause(stored: dict[str, Any]) -> Cause:
    return Cause(
        Leak(**{name: stored[name] for name in ("by", "category", "key", "before", "after")}),
        proven=stored["proven"],
        together=tuple(stored["together"]),
    )
