"""Which test changed what: what fixtures of a wider scope set up is theirs for as long as they last."""

from __future__ import annotations

from typing import Any, Dict, Generator, List, NamedTuple, Set, Tuple

import pytest

from .observer import Observer
from .protocol import Change, Moment

Piece = Tuple[str, str]  # the probe, and the key


class Lasting(NamedTuple):
    """A fixture that outlives the test for which it is set up."""

    before: Moment
    pieces: Set[Piece]
    changes: Tuple[Change, ...]  # what it set up
    scope: str


class Watch:
    """A plugin that compares the state before and after each test."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._state = observer.look()
        self._fixtures: Dict[int, Lasting] = {}
        self._given_back: Set[Piece] = set()
        self._kept: List[Change] = []

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, None, None]:
        """Note what a fixture of a class, module, package or session sets up."""
        if fixturedef.scope == "function":
            yield
            return
        before = self._observer.look()
        yield
        found = self._observer.changes(before, self._observer.look())
        if found:
            pieces = {piece_of(each) for each in found}
            self._fixtures[id(fixturedef)] = Lasting(before, pieces, found, str(fixturedef.scope))

    def pytest_fixture_post_finalizer(self, fixturedef: Any) -> None:
        """See whether it has given back what it had set up."""
        ended = self._fixtures.pop(id(fixturedef), None)
        if ended is not None:
            found = self._observer.changes(ended.before, self._observer.look())
            kept = [each for each in found if piece_of(each) in ended.pieces]
            self._kept += kept
            self._given_back |= ended.pieces

    @property
    def before(self) -> Moment:
        """The state in which the test began."""
        return self._state

    @property
    def lasting(self) -> Tuple[Lasting, ...]:
        """The fixtures that are set up and outlive their test."""
        return tuple(self._fixtures.values())

    def end_of_test(self) -> Tuple[Change, ...]:
        """Tell what has changed since the last test, but for what belongs to fixtures."""
        after = self._observer.look()
        theirs = self._given_back.union(*(each.pieces for each in self._fixtures.values()))
        found = [
            each
            for each in self._observer.changes(self._state, after)
            if piece_of(each) not in theirs and _matters(each)
        ]
        found += filter(_matters, self._kept)
        self._state, self._given_back, self._kept = after, set(), []
        return tuple(found)


def _matters(change: Change) -> bool:
    """Tell a leak from what tests do all the time: they import what is needed, and draw random numbers.

    Both may be the cause of somebody's failure all the same; as long as nobody fails they are not worth a word.
    """
    return change.category != "random" and (change.probe, change.before) != ("modules", None)


def piece_of(change: Change) -> Piece:
    """Give what a piece is called when it is put back."""
    return change.probe, change.key
