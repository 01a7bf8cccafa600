"""The sentences that every report shares (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shakeproof.messages import headline
from shakeproof.model import Instability, Kind, Verdict
from shakeproof.report.advice import advice_for, advice_for_condition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shakeproof.model import Cause, Evidence, Finding, Leak, Report
    from shakeproof.report.advice import Advice

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
    (Kind.AMBIENT, "to see whether ambient conditions matter"),
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
    (Instability.CLOCK, "its outcome follows the date"),
    (Instability.TIMEZONE, "its outcome follows the time zone of the machine"),
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


def what_it_means(finding: Finding) -> str:
    """Say what a finding means, and under which condition it shows itself if there is one."""
    if finding.condition is None:
        return meaning(finding.kind)
    condition = f"fails under another condition, and passes without it: {finding.condition.name}"
    if finding.kind is Instability.NON_DETERMINISTIC:
        return condition
    return f"{meaning(finding.kind)}; it {condition}"


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


def causes(finding: Finding) -> tuple[str, ...]:
    """Say what was left behind that makes the difference, a line for each piece of state, and how to mend it."""
    return (
        *(_cause(cause, finding) for cause in finding.causes),
        *(f"to mend it, {advice.short}" for advice in _to_mend(finding).values()),
    )


def _to_mend(finding: Finding) -> dict[str, Advice]:
    """Give the advice by category of what makes the difference; a brittle test had better set up what it needs."""
    if finding.kind is Instability.BRITTLE:
        return {}
    advice = advice_for if finding.condition is None else advice_for_condition
    sure = (each for each in finding.causes if each.proven or each.together)
    return {each.leak.category: advice(each.leak.category) for each in sure}


def _cause(cause: Cause, finding: Finding) -> str:
    piece = f"{cause.leak.category} {change(cause.leak)}"
    back = f"put back{_and(cause.together)}"
    if finding.condition is not None:
        turned = "with that as usual: it passes"
    elif finding.kind is Instability.BRITTLE:
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
    brittle = finding.kind is Instability.BRITTLE
    parts = (
        ("state-setters" if brittle else "culprits", [" and ".join(s) for s in finding.culprits]),
        ("cleaners", finding.cleaners),
        ("shown by", finding.failing),
        ("message", finding.message.splitlines()),
        *(
            (f"to mend the {category}", advice.lines)
            for category, advice in _to_mend(finding).items()
        ),
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
    if finding.condition is not None:
        return "the same without that condition"
    if finding.kind is Instability.IMPORT_POLLUTED:
        return "the test where that file is not collected"
    alone = finding.kind is Instability.VICTIM
    return "the test alone" if alone else "the test behind its state-setter"
