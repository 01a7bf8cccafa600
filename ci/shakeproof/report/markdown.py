"""The report as two Markdown pages (pure): an audit of the unstable tests, and the verification behind the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shakeproof.messages import headline
from shakeproof.report import phrases, state, story, words
from shakeproof.report.groups import by_mistake

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shakeproof.model import Finding, Report, Timing


def audit(report: Report) -> str:
    """List the unstable tests, each with its cause, how often it failed and the command that repeats it."""
    parts = [f"# Flaky test audit: {report.verdict.value}", f"{_sentence(words.verdict(report))}"]
    if not report.findings:
        parts.append("No test changed its outcome, and none failed.")
    else:
        parts.append(_sentence(words.where("the project's folder")))
    parts += [_mistake(findings) for findings in by_mistake(report.findings)]
    return "\n\n".join(parts) + "\n"


def _mistake(findings: Sequence[Finding]) -> str:
    """Say what findings have in common once, and of each what is its own."""
    first, *others = findings
    if not others:
        return _finding(first, f"## {first.id}: `{first.test}`", _cause(first))
    title = f"## {story.mistake(findings)}"
    own = (_finding(each, f"### {each.id}: `{each.test}`") for each in findings)
    common = "\n".join((title, "", *_cause(first, tests=len(findings)))).rstrip()
    return "\n\n".join((common, *own))


def _cause(finding: Finding, *, tests: int = 1) -> tuple[str, ...]:
    kind, *sentences = story.cause_of(finding, tests=tests)
    return (
        f"- **{finding.kind.value}** - {kind}",
        *(f"- {sentence}" for sentence in sentences),
        *(
            line
            for title, lines in state.mended(finding)
            for line in ("", f"{title[0].upper()}{title[1:]}:", "", "```python", *lines, "```", "")
        ),
    )


def _finding(finding: Finding, title: str, cause: Sequence[str] = ()) -> str:
    return "\n".join(
        (
            title,
            "",
            *cause,
            *(f"- {sentence}" for sentence in story.cleaners(finding)),
            f"- {story.seen_in(finding)}",
            f"- {story.confirmation(finding)}",
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
                f"- suite: {phrases.plural(suite.tests, 'test')} under pytest {suite.pytest}, Python {suite.python}",
                f"- {words.experiments(report.evidence)}",
                f"- {words.worth(report.evidence)}",
                f"- master seed: {suite.seed}",
                f"- time: {timing.seconds:.0f} s; the same test runs cannot take less than {timing.limit:.0f} s",
                *(f"- not done: {what}" for what in report.evidence.incomplete),
            )
        ),
        *_stages(timing),
        "\n".join(
            (
                "| run | seed | PYTHONHASHSEED | tests | failures | exit status | seconds |",
                "|---|---|---|---|---|---|---|",
                *rows,
            )
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _stages(timing: Timing) -> Iterable[str]:
    """Say where the time went, where there were stages."""
    if timing.stages:
        rows = (f"| {name} | {seconds:.1f} |" for name, seconds in timing.stages)
        yield "\n".join(("| stage | seconds |", "|---|---|", *rows))


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)
