"""Which caches were filled while something was changed that they may have read.

Filling a cache is no leak by itself: what goes in is what would go in at any time, and whoever asks next gets what it
would have got. It is one if the test had changed something meanwhile - set an environment variable, patched an
attribute - even if that was put back: the cache goes on giving what was true then.
"""

from __future__ import annotations

from typing import Dict, Generator, Iterable, NamedTuple, Set, Tuple

import pytest

from .audit import Args, listen
from .caches import Held
from .observer import Observer
from .process import NOT_STATE
from .protocol import Change, Moment
from .watch import Piece, Watch, piece_of

CACHES, ENVIRONMENT = "caches", "environment"
# What a cached function may well have read; what of the rest a test changes, it does to others.
READ = frozenset(
    (  # noqa: SIM905  (a list of so many would take a line for each)
        "environment settings database global import cwd filesystem clock timezone locale"
    ).split()
)
# Another file is open, another module loaded, another thread at work in nearly every test.
NOT_READ = frozenset({CACHES, "descriptors", "modules", "pools", "patches", "umask"})


class Meanwhile(NamedTuple):
    """What was changed while a cache was filled."""

    changes: Tuple[Change, ...]
    by_fixture: bool  # of a class, module or package, and not by the test


class Fills:
    """A plugin that notes, beside a `Watch`, when caches are filled.

    Environment variables are heard of as they change, so that even one set for a few lines of a test counts for what
    was cached in these lines alone. Everything else is looked at when a test is set up and when it was called: what is
    changed then, and put back when the test is over, counts for all that was cached since the look before.
    """

    def __init__(self, observer: Observer, watch: Watch) -> None:
        self._observer = observer
        self._watch = watch
        self._last = watch.before
        self._seen: Dict[
            str, Dict[Piece, Change]
        ] = {}  # by cache: what was changed while it was filled
        self._own: Dict[str, Dict[Piece, Change]] = {}  # of that, what was the test's doing
        self._of_fixtures: Dict[
            str, Dict[Piece, Change]
        ] = {}  # and that of fixtures which outlive it
        listen(self, {"os.putenv": Fills._before_variable, "os.unsetenv": Fills._before_variable})

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Generator[None, None, None]:
        """Look once the test is set up."""
        yield
        self._look()

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Generator[None, None, None]:
        """Look once it was called, before its fixtures put anything back."""
        yield
        self._look()

    def end_of_test(self, found: Iterable[Change]) -> Dict[str, Meanwhile]:
        """Say by cache what was changed while it was filled, of those that are not as before; `found` is what is not.

        Caches filled while nothing was changed are left out.
        """
        changes = {piece_of(each): each for each in found}
        told = {}
        for probe, cache in changes:
            seen = {**self._own.get(cache, {}), **self._of_fixtures.get(cache, {})}
            # What stays changed is told of by itself; of a variable it is worth a word that somebody has read it.
            meanwhile = [
                each
                for piece, each in seen.items()
                if piece not in changes or each.probe == ENVIRONMENT
            ]
            if probe == CACHES and meanwhile:
                told[cache] = Meanwhile(tuple(meanwhile), not self._own.get(cache))
        held = {
            key for each in self._watch.lasting for probe, key in each.pieces if probe == CACHES
        }
        self._of_fixtures = {key: each for key, each in self._of_fixtures.items() if key in held}
        self._seen, self._own = {}, {}
        self._last = self._watch.before  # by now the state in which the next test begins
        return told

    def _caches(self) -> Moment:
        return self._observer.look((CACHES,))

    def _before_variable(self, args: Args) -> None:
        """Note what was cached until now: from now on the environment is another one."""
        name = args[0].decode("ascii", "replace") if type(args[0]) is bytes else args[0]
        if name not in NOT_STATE:
            self._note_variables()

    def _note_variables(self) -> Set[str]:
        """Note the variables that are changed now for what was cached since the last time; tell what that is."""
        now = self._caches()
        then, is_now = self._last.get(CACHES, {}), now.get(CACHES, {})
        changed = [each.key for each in self._observer.changes(self._last, now)]
        for cache in changed:
            if cache in then and _was_emptied(then[cache], is_now[cache]):
                for seen in (self._seen, self._own, self._of_fixtures):
                    seen.pop(cache, None)
        filled = {cache for cache in changed if is_now[cache].size}
        self._last = now
        if filled:
            self._note(filled, self._changes((ENVIRONMENT,)))
        return filled

    def _look(self) -> None:
        filled = self._note_variables()
        if filled:
            self._note(filled, (each for each in self._changes() if each.probe != ENVIRONMENT))
        if self._seen:
            self._assign()

    def _changes(self, names: Tuple[str, ...] = ()) -> Tuple[Change, ...]:
        """Compare with how the test began."""
        return self._observer.changes(self._watch.before, self._observer.look(names))

    def _note(self, caches: Iterable[str], changes: Iterable[Change]) -> None:
        meanwhile = {piece_of(each): each for each in changes if _is_read(each)}
        for cache in caches:
            self._seen.setdefault(cache, {}).update(meanwhile)

    def _assign(self) -> None:
        """Part what the test changed from what fixtures did that outlive it: they may yet put the cache in order."""
        lasting = self._watch.lasting
        theirs = {piece for each in lasting for piece in each.pieces}
        for cache, meanwhile in self._seen.items():
            own = {piece: each for piece, each in meanwhile.items() if piece not in theirs}
            self._own.setdefault(cache, {}).update(own)
            for fixture in lasting:
                read = {piece_of(each): each for each in fixture.changes if _is_read(each)}
                # Nobody comes after a session.
                if read and fixture.scope != "session":
                    fixture.pieces.add((CACHES, cache))
                    self._of_fixtures.setdefault(cache, {}).update(read)
        self._seen = {}


def _was_emptied(was: Held, is_now: Held) -> bool:
    """Tell whether nothing of what it held is left."""
    if was.results is None or is_now.results is None:
        return is_now.size < was.size
    left = {id(each) for each in is_now.results}
    return not any(id(each) in left for each in was.results)


def _is_read(change: Change) -> bool:
    return change.category in READ and change.probe not in NOT_READ
