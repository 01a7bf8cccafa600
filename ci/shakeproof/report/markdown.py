"""The report as two Markdown pages (pure): an audit of the unstable tests, and the verification behind the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shakeproof.messages import headline
from shakeproof.report import words

if TYPE_CHECKING:
    from shakeproof.model import Finding, Report


def audit(report: Report) -> str:
    """List the unstable tests, each with its kind, the runs that showed it and the command that repeats it."""
    parts = [f"# Flaky test audit: {report.verdict.value}", f"{_sentence(words.verdict(report))}"]
    if not report.findings:
        parts.append("No test changed its outcome, and none failed.")
    parts += [_finding(finding) for finding in report.findings]
    return "\n\n".join(parts) + "\n"


def _finding(finding: Finding) -> str:
    return "\n".join(
        (
            f"## {finding.id}: `{finding.test}`",
            "",
            f"- **{finding.kind.value}** - {words.what_it_means(finding)}",
            *(f"- {sentence}" for sentence in words.because(finding)),
            *(f"- {sentence}" for sentence in words.causes(finding)),
            f"- {words.seen_in(finding)}",
            f"- {words.confirmation(finding)}",
            "",
            "```text",
            headline(finding.message),
            "```",
            "",
            "```sh",
            finding.reproduce,
            "```",
        )
    )


def verification(report: Report) -> str:
    """Show what was run, with what result, and what that is worth."""
    suite, timing = report.suite, report.timing
    rows = [
        f"| {_cell(run.label)} | {_or_dash(run.seed)} | {_or_dash(run.hash_seed)} | {run.tests} | {run.failures} "
        f"| {run.exit_status} | {run.seconds:.1f} |"
        for run in report.runs
    ]
    parts = [
        f"# Flaky test verification: {report.verdict.value}",
        _sentence(words.verdict(report)),
        "\n".join(
            (
                f"- suite: {words.plural(suite.tests, 'test')} under pytest {suite.pytest}, Python {suite.python}",
                f"- {words.experiments(report.evidence)}",
                f"- {words.worth(report.evidence)}",
                f"- master seed: {suite.seed}",
                f"- time: {timing.seconds:.0f} s; the same test runs cannot take less than {timing.limit:.0f} s",
                *(f"- not done: {what}" for what in report.evidence.incomplete),
            )
        ),
        "\n".join(
            (
                "| run | seed | PYTHONHASHSEED | tests | failures | exit status | seconds |",
                "|---|---|---|---|---|---|---|",
                *rows,
            )
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)
