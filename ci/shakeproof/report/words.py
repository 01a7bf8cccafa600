"""The sentences that every report shares (pure)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from shakeproof.investigate.confirm import deselecting
from shakeproof.model import Instability, Kind, Verdict
from shakeproof.report.advice import (
    advice_for,
    advice_for_condition,
    advice_on_import,
    advice_on_overlap,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shakeproof.model import Cause, Evidence, Finding, Leak, Report
    from shakeproof.report.advice import Advice

NAMES_SHOWN = 5  # culprits that a summary lists
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
        "passes where no test file but its own is imported, and fails where another one is, whichever tests run",
    ),
    (Instability.CRASH, "takes the process down"),
    (Instability.HANG, "does not end"),
    (Instability.BROKEN, "fails in every run: not unstable, but to be mended first"),
)
_BLAME = MappingProxyType(
    {Instability.BRITTLE: "needs", Instability.IMPORT_POLLUTED: "because of the import of"}
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


def seen_in(finding: Finding) -> str:
    """Say how often it was seen."""
    if finding.failures >= finding.runs:
        return f"failed in every run that it was part of: {finding.failures:,}"
    return (
        f"failed in {finding.failures:,} of the {plural(finding.runs, 'run')} that it was part of"
    )


def where(folder: str) -> str:
    """Say where the commands of a report are to be run: they name tests as seen from there."""
    there = "this folder" if folder == "." else folder
    return f"run the commands of this report in {there}, with the Python that runs its tests"


def mistake(findings: Sequence[Finding]) -> str:
    """Say that several findings are one mistake: "F1, F2, F3: one mistake, 3 victims"."""
    kind = findings[0].kind
    noun = "victim" if kind is Instability.VICTIM else f"{kind.value} test"
    ids = [each.id for each in findings]
    more = [f"{len(ids) - NAMES_SHOWN:,} more"] if len(ids) > NAMES_SHOWN else []
    return f"{', '.join(ids[:NAMES_SHOWN] + more)}: one mistake, {plural(len(findings), noun)}"


def because(finding: Finding) -> tuple[str, ...]:
    """Say who is to blame; nothing where nobody was found."""
    if finding.kind is Instability.PARALLEL_UNSAFE:
        others = [_beside(finding, members[-1]) for members in finding.culprits]
        return (f"when it overlaps with {_any_of(others)}",) if others else ()
    sets = [" and ".join(members) for members in finding.culprits]
    blame = _BLAME.get(finding.kind, "because of")
    sentences = [f"{blame} {_any_of(sets)}"] if sets else []
    if finding.rate < 1:
        sentences.append(
            f"and even then only now and then: in about {finding.rate:.0%} of such runs"
        )
    return tuple(sentences)


def cleaners(finding: Finding) -> tuple[str, ...]:
    """Say who makes it good; nothing where nobody was found."""
    if not finding.cleaners:
        return ()
    return (f"but not where this runs in between: {_any_of(finding.cleaners)}",)


def cause_of(finding: Finding, *, tests: int = 1) -> tuple[str, ...]:
    """Say what a finding means, who is to blame, with what, and how it is mended: of `tests` findings at once."""
    meaning = what_it_means(finding)
    does = f"each {meaning}" if tests > 1 else meaning
    return (does, *because(finding), *causes(finding, tests=tests))


def proven(finding: Finding) -> tuple[Cause, ...]:
    """Give what makes the difference: each by itself, or with the others that it takes."""
    return tuple(each for each in finding.causes if each.proven or each.together)


def _beside(finding: Finding, other: str) -> str:
    return "another run of itself" if other == finding.test else other


def _used_by_both(finding: Finding) -> tuple[str, ...]:
    """Say what tests both use that must not overlap, a line for each piece, and how to mend it."""
    by_piece: dict[tuple[str, str, bool], list[str]] = {}
    for cause in finding.causes:
        found = cause.leak.category, cause.leak.key, cause.proven
        by_piece.setdefault(found, []).append(_beside(finding, cause.leak.by))
    lines: list[str] = []
    for (category, key, is_proven), others in by_piece.items():
        several = len(by_piece) > 1 or not finding.culprits
        who = f"it and {_any_of(others)} both use" if several else "both use"
        noun = "folder" if key.endswith("/") else advice_on_overlap(category).noun
        what = f"{who} the {noun} {key}"
        lines += (
            (what, "proven: with a temporary folder for each, and nothing else, the test passes")
            if is_proven
            else (f"{what}, which is not proven to be the cause",)
        )
    advices = [advice_on_overlap(category) for category in to_mend(finding)]
    return (
        *lines,
        *(f"why it matters: {each.why}" for each in advices),
        *(f"to mend it, {each.short}" for each in advices),
    )


def causes(finding: Finding, *, tests: int = 1) -> tuple[str, ...]:
    """Say what was left behind that makes the difference, how that is known, why it matters, and how it is mended.

    `tests` is how many findings it is said of at once.
    """
    if finding.kind is Instability.PARALLEL_UNSAFE:
        return _used_by_both(finding)
    sure = proven(finding)
    unsure = (each for each in finding.causes if each not in sure)
    categories = tuple(dict.fromkeys(each.leak.category for each in sure))
    return (
        *(_told(cause, finding) for cause in sure),
        *_proofs(sure, finding, tests),
        *(
            f"seen to change: {piece(cause.leak)}, which is not proven to be the cause"
            for cause in unsure
        ),
        *(f"why it matters: {_advice(category, finding).why}" for category in categories),
        *(f"to mend it, {_advice(category, finding).short}" for category in to_mend(finding)),
    )


def _advice(category: str, finding: Finding) -> Advice:
    if finding.condition is not None:
        return advice_for_condition(category)
    if finding.kind is Instability.PARALLEL_UNSAFE:
        return advice_on_overlap(category)
    if finding.kind is Instability.IMPORT_POLLUTED:
        return advice_on_import(category)
    return advice_for(category)


def to_mend(finding: Finding) -> tuple[str, ...]:
    """List the categories of what makes the difference; a brittle test had better set up itself what it needs."""
    if finding.kind is Instability.BRITTLE:
        return ()
    # That two tests must not overlap is known, even where it is not proven what they use.
    overlap = finding.kind is Instability.PARALLEL_UNSAFE and bool(finding.culprits)
    sure = finding.causes if overlap else proven(finding)
    return tuple(dict.fromkeys(each.leak.category for each in sure))


def mended(finding: Finding) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Show as code how it is mended, each piece with its title."""
    advices = ((category, _advice(category, finding)) for category in to_mend(finding))
    return tuple((f"to mend the {each.noun or name}", each.lines) for name, each in advices)


def same_mistake(finding: Finding, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Say which other findings are the same mistake; `findings` are all that are."""
    others = ", ".join(each.id for each in findings if each.id != finding.id)
    return (f"the same mistake as {others}: mend it once",) if others else ()


def _told(cause: Cause, finding: Finding) -> str:
    """Say which piece of state it is, and who left it: by name only where there is a choice."""
    if finding.condition is not None:
        return f"what was changed: {_surroundings(cause.leak)}"
    does = {
        Instability.BRITTLE: "sets up",
        Instability.IMPORT_POLLUTED: "leaves behind when it is imported",
    }.get(finding.kind, "leaves behind")
    blamed = {name for members in finding.culprits for name in members}
    # The import of a culprit may bring another file with it: its conftest.py.
    another = finding.kind is Instability.IMPORT_POLLUTED and cause.leak.by not in blamed
    who = cause.leak.by if another or (cause.leak.by and len(blamed) > 1) else "which"
    return f"{who} {does}: {piece(cause.leak)}"


def _proofs(sure: Sequence[Cause], finding: Finding, tests: int) -> Iterator[str]:
    """Say what was done to know: once where it holds of all pieces, else of each set of them."""
    sets = tuple(dict.fromkeys(frozenset((each.leak.key, *each.together)) for each in sure))
    passes = "the test passes" if tests == 1 else f"each of the {tests} tests passes"
    after = " right after the import" if finding.kind is Instability.IMPORT_POLLUTED else ""
    singly = all(len(keys) == 1 for keys in sets)
    if singly and len(sets) > 1:
        authors = {each.leak.by for each in sure}
        names = ["any one of these" if len(authors) == 1 else "what was left behind"]
    elif len(sets) == 1:
        names = [{1: "that", 2: "both"}.get(len(sets[0]), "all of these")]
    else:
        names = [" and ".join(sorted(keys)) for keys in sets]
    for name in names:
        if finding.condition is not None:
            yield f"proven: with {name} as usual, and nothing else changed, {passes}"
        elif finding.kind is Instability.BRITTLE:
            yield f"proven: with {name} kept, and all else put back, {passes}"
        else:
            yield f"proven: with {name} put back{after}, and nothing else, {passes}"


def piece(leak: Leak) -> str:
    """Say which piece of state changed, and how: "environment variable APP_MODE: not there -> 'fast'"."""
    return f"{named(leak)}{change(leak).removeprefix(leak.key)}"


def _surroundings(leak: Leak) -> str:
    """Say what was other than usual, and how: "time zone TZ: not there -> Pacific/Kiritimati"."""
    noun = advice_for_condition(leak.category).noun
    stands_for_all = leak.key in (noun, leak.category)
    name = noun if stands_for_all else f"{noun} {leak.key}"
    return f"{name}{change(leak).removeprefix(leak.key)}"


def named(leak: Leak) -> str:
    """Say which piece of state it is: "environment variable APP_MODE"."""
    nouns = {"settings": "settings kept by", "cache": "what is kept by"}
    is_kept = leak.key.endswith("()")  # by a function under `functools.cache`
    noun = nouns.get(leak.category) if is_kept else None
    return f"{noun or advice_for(leak.category).noun} {leak.key}".strip()


def change(leak: Leak) -> str:
    """Say how a piece of state changed: "APP_MODE: not there -> 'fast'"."""
    before, after = ("not there" if each is None else each for each in (leak.before, leak.after))
    return f"{leak.key}: {before} -> {after}"


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
    example = f"{named(leaks[0])}, by {leaks[0].by}"
    return (f"{what}: report.json lists them under leaks, such as {example}",)


def in_full(finding: Finding) -> tuple[str, ...]:
    """List everything that a summary shortens: culprits, cleaners, the runs that showed it, the whole message."""
    overlap = finding.kind is Instability.PARALLEL_UNSAFE
    title = "state-setters" if finding.kind is Instability.BRITTLE else "culprits"
    parts = (
        ("must overlap" if overlap else title, [" and ".join(s) for s in finding.culprits]),
        ("cleaners", finding.cleaners),
        ("shown by", finding.failing),
        ("message", finding.message.splitlines()),
        *mended(finding),
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
    tries = f"{finding.tries:,} fresh process" + ("" if finding.tries == 1 else "es")
    if not finding.tries:
        return "not confirmed: this command was not run"
    command = f"this command{_what_it_imports(finding)}"
    if finding.counter_check is False and finding.shown:
        so_far = f"not confirmed: {command} showed it in {finding.shown} of {tries}"
        return f"{so_far}, but {_control(finding)} failed too"
    if finding.refusal and not finding.shown:
        return f"not confirmed: this command could not be run, for pytest says: {finding.refusal}"
    if finding.refuted:
        return (
            f"not confirmed: it failed in every run of the laboratory and passed in {finding.passed} of {tries}, "
            "so what it trips over is something in the way Shakeproof runs it, or a test that ran before it"
        )
    if not finding.confirmed:
        return f"not confirmed: {command} did not show it in {tries}"
    one = finding.tries == finding.shown == 1
    where = "in a fresh process" if one else f"in {finding.shown} of {tries}"
    countered = f", and {_control(finding)} passed" if finding.counter_check else ""
    return f"confirmed: {command} showed it {where}{countered}"


def _what_it_imports(finding: Finding) -> str:
    """Say why a command names files whose tests it then leaves out."""
    files = finding.culprits[0] if finding.culprits else ()
    arguments = finding.replay.arguments or ()
    if finding.kind is not Instability.IMPORT_POLLUTED or not files:
        return ""
    if not all(deselecting(file) in arguments for file in files):
        return ""
    if len(files) == 1:
        return f", which imports {files[0]} and runs none of its tests,"
    return f", which imports {' and '.join(files)} and runs none of their tests,"


def _control(finding: Finding) -> str:
    if finding.condition is not None:
        return "the same without that condition"
    if finding.kind is Instability.IMPORT_POLLUTED:
        return "the test without that import"
    brittle = finding.kind is Instability.BRITTLE
    return "the test behind its state-setter" if brittle else "the test alone"
