"""The sentences that every report shares (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shakeproof.messages import headline
from shakeproof.model import Instability, Kind, Verdict
from shakeproof.report.advice import advice_for, overlap_advice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shakeproof.model import Cause, Evidence, Finding, Leak, Report

NAMES_SHOWN = 5  # culprits that a summary lists
RUNS_WIDTH = 100  # characters that the list of the runs showing a failure may take
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
)
MEANINGS = (
    (
        Instability.VICTIM,
        "passes alone and fails after other tests: one of them leaves something behind",
    ),
    (
        Instability.BRITTLE,
        "fails alone and passes after other tests: it needs what one of them sets up",
    ),
    (
        Instability.NON_IDEMPOTENT,
        "passes once and fails when it runs again: it trips over what it leaves behind",
    ),
    (Instability.NON_DETERMINISTIC, "gives different outcomes under identical conditions"),
    (Instability.HASH_ORDER, "its outcome follows PYTHONHASHSEED: it relies on the order of a set"),
    (Instability.PARALLEL_UNSAFE, "fails only while other tests run at the same time"),
    (
        Instability.IMPORT_POLLUTED,
        "passes where only its own file is collected: what another one does on import makes it fail",
    ),
    (Instability.CRASH, "takes the process down"),
    (Instability.HANG, "does not end"),
    (Instability.BROKEN, "fails in every run: not unstable, but to be mended first"),
)


def meaning(kind: Instability) -> str:
    """Say what a kind of finding means, for somebody who does not know the terms."""
    return dict(MEANINGS)[kind]


def plural(count: int, noun: str) -> str:
    """Give a number with its noun: "1 run", "1,234 runs"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


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
            return f"{tests}, each with the same outcome in every run"
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
            f"{evidence.order_pairs_seen:.1%} of all ordered pairs of tests were seen"
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


def seen_in(finding: Finding) -> str:
    """Say how often it was seen, and in which runs."""
    runs = headline(", ".join(finding.failing), RUNS_WIDTH)
    return f"seen in {finding.failures} of {plural(finding.runs, 'run')}: {runs}"


def because(finding: Finding) -> tuple[str, ...]:
    """Say who is to blame, and who makes it good; nothing where nobody was found."""
    if finding.kind is Instability.PARALLEL_UNSAFE:
        others = [_beside(finding, members[-1]) for members in finding.culprits]
        return (f"when it overlaps with {_any_of(others)}",) if others else ()
    sets = [" and ".join(members) for members in finding.culprits]
    blame = "needs" if finding.kind is Instability.BRITTLE else "because of"
    sentences = [f"{blame} {_any_of(sets)}"] if sets else []
    if finding.rate < 1:
        sentences.append(
            f"and even then only now and then: in about {finding.rate:.0%} of such runs"
        )
    if finding.cleaners:
        sentences.append(f"but not when behind that comes {_any_of(finding.cleaners)}")
    return tuple(sentences)


def _beside(finding: Finding, other: str) -> str:
    return "another run of itself" if other == finding.test else other


def causes(finding: Finding) -> tuple[str, ...]:
    """Say what was left behind that makes the difference, a line for each piece of state, and how to mend it."""
    if finding.kind is Instability.PARALLEL_UNSAFE:
        return _used_by_both(finding)
    return (
        *(_cause(cause, finding) for cause in finding.causes),
        *(f"to mend it, {advice_for(category).short}" for category in _to_mend(finding)),
    )


def _used_by_both(finding: Finding) -> tuple[str, ...]:
    """Say what tests both use that must not overlap, a line for each piece, and how to mend it."""
    by_piece: dict[tuple[str, str, bool], list[str]] = {}
    for cause in finding.causes:
        piece = cause.leak.category, cause.leak.key, cause.proven
        by_piece.setdefault(piece, []).append(_beside(finding, cause.leak.by))
    lines = []
    for (category, key, proven), others in by_piece.items():
        several = len(by_piece) > 1 or not finding.culprits
        who = f"it and {_any_of(others)} both use" if several else "both use"
        what = f"{who} {_piece_used(category, key)}"
        lines.append(
            f"proven: {what} (each with a temporary folder of its own: it passes)"
            if proven
            else f"perhaps: {what} (not proven)"
        )
    mend = (overlap_advice(category).short for category in _to_mend(finding))
    return (*lines, *(f"to mend it, {each}" for each in mend))


def _piece_used(category: str, key: str) -> str:
    noun = "folder" if key.endswith("/") else overlap_advice(category).noun
    return f"the {noun} {key}"


def _to_mend(finding: Finding) -> tuple[str, ...]:
    """List the categories of what makes the difference; a brittle test had better set up itself what it needs."""
    if finding.kind is Instability.BRITTLE:
        return ()
    # That two tests must not overlap is known, even where it is not proven what they use.
    overlap = finding.kind is Instability.PARALLEL_UNSAFE and bool(finding.culprits)
    sure = (each for each in finding.causes if each.proven or each.together or overlap)
    return tuple(dict.fromkeys(each.leak.category for each in sure))


def _cause(cause: Cause, finding: Finding) -> str:
    piece = f"{cause.leak.category} {change(cause.leak)}"
    back = f"put back{_and(cause.together)}"
    if finding.kind is Instability.BRITTLE:
        turned = f"kept{_and(cause.together)}, with all else put back: it passes"
    else:
        turned = f"{back}: it passes"
    if cause.proven or cause.together:
        return f"proven: {piece} ({turned})"
    return f"perhaps: {piece} (not proven)"


def _and(others: Sequence[str]) -> str:
    return f" with {_any_of(others)}" if others else ""


def change(leak: Leak) -> str:
    """Say how a piece of state changed: "APP_MODE: not there -> 'fast'"."""
    before, after = ("not there" if each is None else each for each in (leak.before, leak.after))
    return f"{leak.key}: {before} -> {after}"


def leaks(report: Report) -> tuple[str, ...]:
    """Say what else was left behind, where nobody was seen to mind."""
    tests = len({leak.by for leak in report.leaks})
    if not tests:
        return ()
    pieces = plural(len({(leak.category, leak.key) for leak in report.leaks}), "piece")
    first = report.leaks[0]
    example = f"{first.category} {change(first)} by {first.by}"
    return (f"{plural(tests, 'test')} left {pieces} of state changed, such as {example}",)


def in_full(finding: Finding) -> tuple[str, ...]:
    """List everything that a summary shortens: culprits, cleaners, the runs that showed it, the whole message."""
    overlap = finding.kind is Instability.PARALLEL_UNSAFE
    title = "state-setters" if finding.kind is Instability.BRITTLE else "culprits"
    advice = overlap_advice if overlap else advice_for
    parts = (
        ("must overlap" if overlap else title, [" and ".join(s) for s in finding.culprits]),
        ("cleaners", finding.cleaners),
        ("shown by", finding.failing),
        ("message", finding.message.splitlines()),
        *((f"to mend the {category}", advice(category).lines) for category in _to_mend(finding)),
    )
    return tuple(
        line
        for title, lines in parts
        if lines
        for line in (f"{title}:", *(f"  {x}" for x in lines))
    )


def _any_of(names: Sequence[str]) -> str:
    shown = ", or ".join(names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return f"{shown}, or {more:,} more (see report.json)" if more > 0 else shown


def confirmation(finding: Finding) -> str:
    """Say what running the command again showed."""
    tries = f"{finding.tries} fresh process" + ("" if finding.tries == 1 else "es")
    if not finding.tries:
        return "not confirmed: the command was not run"
    if finding.counter_check is False and finding.shown:
        return f"not confirmed: the command showed it in {finding.shown} of {tries}, but so did {_control(finding)}"
    if finding.refusal and not finding.shown:
        return f"not confirmed: the command could not be run, for pytest says: {finding.refusal}"
    if finding.refuted:
        return (
            f"not confirmed: it failed in every run of the laboratory and passed in {finding.passed} of {tries}, "
            "so what it trips over is something in the way Shakeproof runs it, or a test that ran before it"
        )
    if not finding.confirmed:
        return f"not confirmed: the command did not show it in {tries}"
    countered = f", and {_control(finding)} did not" if finding.counter_check else ""
    return f"confirmed: the command showed it in {finding.shown} of {tries}{countered}"


def _control(finding: Finding) -> str:
    if finding.kind is Instability.IMPORT_POLLUTED:
        return "the test where that file is not collected"
    alone = finding.kind in (Instability.VICTIM, Instability.PARALLEL_UNSAFE)
    return "the test alone" if alone else "the test behind its state-setter"
