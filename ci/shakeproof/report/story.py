"""What is said of one finding (pure): what it means, who is to blame, how it was seen, what confirmed it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from shakeproof.investigate.commands import deselecting
from shakeproof.model import Instability
from shakeproof.report import state
from shakeproof.report.phrases import NAMES_SHOWN, any_of, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shakeproof.model import Finding

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


def seen_in(finding: Finding) -> str:
    """Say how often it was seen."""
    if finding.failures >= finding.runs:
        return f"failed in every run that it was part of: {finding.failures:,}"
    return (
        f"failed in {finding.failures:,} of the {plural(finding.runs, 'run')} that it was part of"
    )


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
        others = [state.beside(finding, members[-1]) for members in finding.culprits]
        return (f"when it overlaps with {any_of(others)}",) if others else ()
    sets = [" and ".join(members) for members in finding.culprits]
    blame = _BLAME.get(finding.kind, "because of")
    sentences = [f"{blame} {any_of(sets)}"] if sets else []
    if finding.rate < 1:
        sentences.append(
            f"and even then only now and then: in about {finding.rate:.0%} of such runs"
        )
    return tuple(sentences)


def cleaners(finding: Finding) -> tuple[str, ...]:
    """Say who makes it good; nothing where nobody was found."""
    if not finding.cleaners:
        return ()
    return (f"but not where this runs in between: {any_of(finding.cleaners)}",)


def cause_of(finding: Finding, *, tests: int = 1) -> tuple[str, ...]:
    """Say what a finding means, who is to blame, with what, and how it is mended: of `tests` findings at once."""
    meaning = what_it_means(finding)
    does = f"each {meaning}" if tests > 1 else meaning
    return (does, *because(finding), *state.causes(finding, tests=tests))


def same_mistake(finding: Finding, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Say which other findings are the same mistake; `findings` are all that are."""
    others = ", ".join(each.id for each in findings if each.id != finding.id)
    return (f"the same mistake as {others}: mend it once",) if others else ()


def in_full(finding: Finding) -> tuple[str, ...]:
    """List everything that a summary shortens: culprits, cleaners, the runs that showed it, the whole message."""
    overlap = finding.kind is Instability.PARALLEL_UNSAFE
    title = "state-setters" if finding.kind is Instability.BRITTLE else "culprits"
    parts = (
        ("must overlap" if overlap else title, [" and ".join(s) for s in finding.culprits]),
        ("cleaners", finding.cleaners),
        ("shown by", finding.failing),
        ("message", finding.message.splitlines()),
        *state.mended(finding),
    )
    return tuple(
        line
        for title, lines in parts
        if lines
        for line in (f"{title}:", *(f"  {x}" for x in lines))
    )


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
