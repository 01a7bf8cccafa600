"""Which findings are one mistake (pure): the same test, or tests, leave the same state behind, and several mind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shakeproof.report.state import proven

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from shakeproof.model import Finding


def by_mistake(findings: Iterable[Finding]) -> tuple[tuple[Finding, ...], ...]:
    """Put those together that have the same kind, the same culprits and the same proven state, all as they come.

    A finding of which nothing is proven stands by itself: to have a culprit in common may mean two mistakes. So
    does one without a culprit: each test that minds the time zone does so in its own way.
    """
    groups: dict[Hashable, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(_mistake(finding), []).append(finding)
    return tuple(map(tuple, groups.values()))


def _mistake(finding: Finding) -> Hashable:
    pieces = frozenset(
        (cause.leak.category, cause.leak.key, frozenset(cause.together))
        for cause in proven(finding)
    )
    if not pieces or not finding.culprits or finding.rate < 1:
        return finding.id
    return finding.kind, frozenset(map(frozenset, finding.culprits)), pieces
