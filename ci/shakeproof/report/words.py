"""What a report says as a whole (pure): the verdict, what was run, what that is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shakeproof.model import Instability, Kind, Verdict
from shakeproof.report import state
from shakeproof.report.phrases import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shakeproof.model import Evidence, Leak, Report

KIND_WORDS = (
    (Kind.DECLARED, "in the declared order"),
    (Kind.SHUFFLED, "shuffled"),
    (Kind.REVERSED, "reversed"),
    (Kind.PARALLEL, "spread over workers"),
    (Kind.ALONE, "of one test alone"),
    (Kind.TWICE, "of one test twice in a row"),
    (Kind.CONCURRENT, "of two copies at once"),
    (Kind.PAIR, "of one test right behind another"),
    (Kind.REPLAY, "in a replayed order"),
    (Kind.AMBIENT, "to see whether ambient conditions matter"),
)


def experiments(evidence: Evidence) -> str:
    """List the runs: "17 runs: 10 in the declared order, 5 shuffled, 1 spread over workers"."""
    counts = dict(evidence.experiments)
    parts = [f"{counts[kind]:,} {words}" for kind, words in KIND_WORDS if counts.get(kind)]
    return f"{plural(sum(counts.values()), 'run')}: {', '.join(parts)}"


def verdict(report: Report) -> str:
    """Say the answer in one sentence."""
    tests = plural(report.suite.tests, "test")
    unsteady = [f for f in report.findings if f.kind is not Instability.BROKEN]
    refuted = sum(f.refuted for f in report.findings)
    broken = len(report.findings) - len(unsteady) - refuted
    unstable = len({f.test for f in unsteady if f.confirmed})  # one may fail for two reasons
    unconfirmed = len({f.test for f in unsteady if not f.confirmed})
    besides = f"; {refuted} could not be judged" if refuted else ""
    match report.verdict:
        case Verdict.STABLE if unconfirmed:
            return (
                f"{tests}{_unjudged(refuted)}; {unconfirmed} looked unstable, but no fresh process showed it again, "
                "so the suite is not called unstable for it"
            )
        case Verdict.STABLE if refuted:
            return f"{tests}{_unjudged(refuted)}"
        case Verdict.STABLE:
            not_all = "; not all was tried, see below" if report.evidence.incomplete else ""
            return f"{tests}, each with the same outcome in every run{not_all}"
        case Verdict.UNSTABLE:
            also = f", and {broken} failing in every run" if broken else ""
            return f"{unstable} of {tests} shown to be unstable{also}{besides}"
        case Verdict.FAILING:
            return f"no instability, but {broken} of {tests} failing in every run{besides}"
        case Verdict.INTERRUPTED:
            return (
                f"stopped early; what {plural(len(report.runs), 'run')} had shown by then is below"
            )
        case Verdict.NOTHING:
            return "there was nothing to judge"


def _unjudged(tests: int) -> str:
    """Say of how many tests nothing is known: what failed may be the laboratory."""
    match tests:
        case 0:
            return ""
        case 1:
            return (
                ", of which 1 could not be judged: it fails wherever the laboratory runs it, "
                "and passes in a fresh process"
            )
        case _:
            return (
                f", of which {tests} could not be judged: they fail wherever the laboratory runs them, "
                "and pass in a fresh process"
            )


def worth(evidence: Evidence) -> str:
    """Say what the runs prove, and how far that goes."""
    sentences = [
        (
            f"{plural(evidence.test_runs, 'test run')}; "
            f"{evidence.order_pairs_seen:.1%} of all ordered pairs of tests were seen in runs of the whole suite"
            + (
                f", and {evidence.pairs_covered:.1%} as just these two."
                if dict(evidence.experiments).get(Kind.PAIR)
                else "."
            )
        ),
        (
            f"A test that never failed here fails in fewer than {evidence.failure_rate_below:.1%} of such runs "
            f"({evidence.confidence:.0%} confidence)."
        ),
    ]
    if evidence.unseen_unstable:
        sentences.append(
            f"About {evidence.unseen_unstable:.0f} more unstable tests are likely to show in further shuffles."
        )
    return " ".join(sentences)


def where(folder: str) -> str:
    """Say where the commands of a report are to be run: they name tests as seen from there."""
    there = "this folder" if folder == "." else folder
    return f"run the commands of this report in {there}, with the Python that runs its tests"


def leaks(report: Report) -> tuple[str, ...]:
    """Say what else was left behind, where nobody was seen to mind."""
    by_tests = [leak for leak in report.leaks if "::" in leak.by]
    by_files = [leak for leak in report.leaks if "::" not in leak.by]
    return (
        *(_left(by_tests, "test", "") if by_tests else ()),
        *(_left(by_files, "file", " by being imported") if by_files else ()),
    )


def _left(leaks: Sequence[Leak], noun: str, how: str) -> tuple[str, ...]:
    who = plural(len({leak.by for leak in leaks}), noun)
    pieces = plural(len({(leak.category, leak.key) for leak in leaks}), "piece")
    what = f"{who} left {pieces} of state changed{how}, whether or not a test minds"
    example = f"{state.named(leaks[0])}, by {leaks[0].by}"
    return (f"{what}: report.json lists them under leaks, such as {example}",)
