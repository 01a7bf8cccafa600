"""What it is that a culprit leaves behind: proven by putting it back (pure: the laboratory is an argument).

A victim fails behind its culprits. If it passes there once one piece of state is what it was before them, and nothing
else is, then that piece is the cause. A brittle test passes behind its state-setters: if it still does when everything
that they changed is put back but for one piece, it is that piece that it needs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shakeproof.investigate.culprits import minimal
from shakeproof.model import Cause, Restoring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shakeproof.model import Finding, Leak

    # Given what to put back behind the culprits, each time something else, tells what had been changed by then and
    # whether the test came through (None: it had no turn).
    Ask = Callable[[Sequence[Restoring]], Sequence["Answer"]]

    Piece = tuple[str, str]

MOST_PIECES = 200  # that are tried one by one
MOST_UNPROVEN = 5  # that are named where nothing could be proven


@dataclass(frozen=True, slots=True)
class Answer:
    """What an experiment with something put back has shown."""

    came_through: bool | None
    left: tuple[Leak, ...] = ()  # changed behind the culprits, before anything was put back


def causes(ask: Ask, *, brittle: bool) -> tuple[Cause, ...]:
    """Find the pieces of state each of which is a cause by itself; where there is none, the least set that is one.

    Where nothing that was seen to change turns the outcome around, the first pieces are named as not proven. Nothing is
    named where the test does otherwise than before while it is watched, or where nothing was seen to change.
    """

    def turned_around(sets: Sequence[tuple[Piece, ...]]) -> list[bool]:
        """Tell for each set whether it explains the outcome: put back, or for a brittle test alone not put back."""
        answers = ask([Restoring(pieces, all_but=brittle) for pieces in sets])
        return [each.came_through is True for each in answers]

    (control,) = ask([Restoring()])
    if control.came_through is not brittle:
        return ()
    leaks = tuple(each for each in control.left if not each.by)
    pieces = tuple(each.piece for each in leaks if each.can_put_back)[:MOST_PIECES]
    by_piece = {each.piece: _with_author(each, control.left) for each in leaks}
    # A brittle test that passes with all put back needs something that was not seen to change.
    unseen = brittle and turned_around([()]) == [True]
    singly = () if unseen else turned_around([(piece,) for piece in pieces])
    proven = [piece for piece, turned in zip(pieces, singly, strict=False) if turned]
    if proven:
        return tuple(Cause(by_piece[piece], proven=True) for piece in proven)
    if not unseen and len(pieces) > 1 and turned_around([pieces]) == [True]:
        members = minimal(pieces, turned_around)
        return tuple(
            Cause(by_piece[each], proven=False, together=tuple(o[1] for o in members if o != each))
            for each in members
        )
    return tuple(Cause(each, proven=False) for each in by_piece.values())[:MOST_UNPROVEN]


def _with_author(leak: Leak, left: Sequence[Leak]) -> Leak:
    """Say which test it was: the last one behind which it was seen to have changed."""
    authors = [each.by for each in left if each.by and each.piece == leak.piece]
    return replace(leak, by=authors[-1]) if authors else leak


def ranked(leaks: Iterable[Leak], findings: Iterable[Finding]) -> tuple[Leak, ...]:
    """Sort what tests leave behind: first what was proven to be a cause, then what has a cause's place in the state."""
    proven = {
        (cause.leak.by, *cause.leak.piece)
        for finding in findings
        for cause in finding.causes
        if cause.proven
    }
    pieces = {(probe, key) for _, probe, key in proven}
    return tuple(
        sorted(
            leaks, key=lambda each: ((each.by, *each.piece) not in proven, each.piece not in pieces)
        )
    )
