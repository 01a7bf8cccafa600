"""What each file of the tests does to the state while it is imported.

Compared is what a file's own code does, from the moment at which its import begins - what pytest itself does to import
it, such as a folder put on the import path, comes before - until it is over. Modules that a file is the first to load
are looked at apart: what other people's code does while it is loaded is nobody's leak, and modules of the project that
enter themselves in each other are in order. What else the project's modules change, the file has caused.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import (
    Any,
    Callable,
    Dict,
    Generator,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

import pytest

from .loading import Loading, is_of, is_stand_in
from .observer import Observer, default_probes
from .project import Project
from .protocol import Change, Moment
from .raw import is_module, module_dict

Piece = Tuple[str, str]  # the probe, and the key
Write = Callable[[Dict[str, object]], None]
OWN, PROJECT, LIBRARY = "own", "project", "library"  # whose code it is that runs
OBJECTS = ("globals", "caches")  # the probes of what modules hold
MOST_CHANGES = 300  # that are told of one file


class Noted(NamedTuple):
    """A change, and the state before it."""

    change: Change
    before: Moment


class File:
    """One file that is being imported."""

    def __init__(self, name: str, module: str) -> None:
        self.name = name  # as in node ids
        self.module = module  # the last part of its name
        self.is_begun = False
        self.running: List[str] = []  # whose code runs, the innermost last
        self.since: Moment = {}
        self.noted: Dict[Piece, Noted] = {}
        self.put_back: Set[Piece] = set()

    def note(self, before: Moment, changes: Sequence[Change]) -> None:
        """Take in what has changed: of a piece that changes again, the first state counts."""
        for change in changes:
            piece = (change.probe, change.key)
            known = self.noted.get(piece)
            if known is not None:
                self.noted[piece] = known._replace(
                    change=change._replace(before=known.change.before)
                )
            else:
                self.noted[piece] = Noted(change, before)


class Imports:
    """A plugin that compares the state around each import of a test file or conftest.py, and tells `write` of it.

    `thorough`: look at everything that changes, also what does so while other modules are loaded. `put_back` names by
    file the pieces that are made what they were as soon as its import is over.
    """

    def __init__(
        self, write: Write, *, thorough: bool, put_back: Mapping[str, Sequence[Piece]]
    ) -> None:
        self._write = write
        self._thorough = thorough
        self._put_back = put_back
        self._file: Optional[File] = None
        self._files: List[File] = []
        self._loading: Optional[Loading] = None

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(
        self, early_config: pytest.Config
    ) -> Generator[None, Any, None]:
        """Begin before the first conftest.py."""
        root = str(early_config.rootpath)
        kept = tempfile.tempdir
        probes = default_probes(root)
        tempfile.tempdir = kept  # they have asked for it, which settles it for everybody else
        self._project = Project(root)
        self._observer = Observer(probes)
        self._outer = Observer(each for each in probes if each.name not in OBJECTS)
        self._hear_of_conftests(early_config)
        self._loading = Loading(self._around)
        self._loading.begin()
        self._first = self._observer.look()
        loaded = yield
        if loaded.excinfo is None:
            self._settle(0, self._first)
        else:  # then pytest ends without a further word to its plugins
            self._loading.end()

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, None, None]:
        """See what is left of the rest when pytest has put back what it changes itself for the time of collecting."""
        before, known = self._observer.look(), len(self._files)
        yield
        self._settle(known, before)

    def _hear_of_conftests(self, config: pytest.Config) -> None:
        """Go around the one method that imports a conftest.py: there is no hook before that."""
        manager: Any = config.pluginmanager
        original = getattr(manager, "_importconftest", None)
        if original is None:
            return
        root = str(config.rootpath)

        def importing(path: Any, *rest: Any, **named: Any) -> Any:
            if manager.has_plugin(str(path)):
                return original(path, *rest, **named)
            mode = named.get("importmode", *rest[:1])
            name = os.path.relpath(str(path), root).replace(os.sep, "/")
            outer = self._enter(name, str(path), mode)
            module = None
            try:
                module = original(path, *rest, **named)
            finally:
                self._leave(module, outer)
            return module

        manager._importconftest = importing

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectstart(self, collector: pytest.Collector) -> None:
        """Begin with a test file: some plugins import it before it is asked for its tests."""
        if isinstance(collector, pytest.Module) and not isinstance(collector, pytest.Package):
            mode = collector.config.getoption("importmode", "prepend")
            self._enter(collector.nodeid, str(collector.path), mode)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, None, None]:
        """End with it."""
        yield
        if self._file is not None and isinstance(collector, pytest.Module):
            self._leave(getattr(collector, "_obj", None), None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        """Tell what was found, before any test."""
        if self._loading is None:
            return
        self._loading.end()
        self._settle(0, self._first)
        for file in self._files:
            changes = [list(each.change) for each in file.noted.values()][:MOST_CHANGES]
            if changes:
                self._write({"event": "left", "test": file.name, "changes": changes})
        unseen = dict.fromkeys([*self._observer.notes, *self._outer.notes])
        if unseen:
            self._write({"event": "left", "test": "", "changes": [], "notes": list(unseen)})

    def pytest_unconfigure(self) -> None:
        """Leave the import system as it was, however the run ends."""
        if self._loading is not None:
            self._loading.end()

    def _enter(self, name: str, path: str, mode: Any) -> Optional[File]:
        folder, stem = os.path.split(os.path.splitext(path)[0])
        outer = self._file
        file = self._file = File(name, os.path.basename(folder) if stem == "__init__" else stem)
        self._files.append(file)
        if getattr(mode, "value", mode) == "importlib":
            # The file is loaded past the function that is listened to, and pytest does nothing else.
            file.is_begun = True
            self._turn(file, OWN)
        return outer

    def _leave(self, module: Any, outer: Optional[File]) -> None:
        file = self._file
        self._file = outer
        if file is None:
            return
        if file.running:
            self._turn_back(file)
        held = module_dict(module) if is_module(module) else {}
        # What stands in the file itself is no change where it was looked at while it was made.
        within = "{}.".format(held.get("__name__"))
        for probe, key in list(file.noted):
            if probe == "globals" and key.startswith(within):
                del file.noted[probe, key]
        self._restore(file)

    @contextlib.contextmanager
    def _around(self, module: str) -> Iterator[None]:
        """Have a module loaded, and know whose it is."""
        file = self._file
        if file is None or file.running[-1:] == [LIBRARY]:
            yield
            return
        if not file.is_begun and module.rpartition(".")[2] == file.module:
            file.is_begun, kind = True, OWN
        else:
            kind = PROJECT if is_of(self._project, module) else LIBRARY
        self._turn(file, kind)
        try:
            yield
        finally:
            self._turn_back(file)
            if kind is OWN:
                self._restore(file)

    def _turn(self, file: File, kind: str) -> None:
        self._look(file, file.running[-1:], kind)
        file.running.append(kind)

    def _turn_back(self, file: File) -> None:
        kind = file.running.pop()
        self._look(file, [kind], *file.running[-1:])

    def _look(self, file: File, over: Sequence[str], *now_runs: str) -> None:
        """Note what those have changed whose code has run until now, and take down where the others begin."""
        observers = [self._observer_of(kind) for kind in (*over, *now_runs)]
        looking = [each for each in observers if each is not None]
        # One look is enough for both: the one of these two that sees more.
        now = (
            (self._observer if self._observer in looking else self._outer).look() if looking else {}
        )
        for kind in over:
            observer = self._observer_of(kind)
            if observer is not None:
                file.note(file.since, observer.changes(file.since, now))
        file.since = now

    def _observer_of(self, kind: str) -> Optional[Observer]:
        if self._thorough or kind == OWN:
            return self._observer
        return self._outer if kind == PROJECT else None

    def _restore(self, file: File) -> None:
        """Put back what is asked for, once."""
        for probe, key in self._put_back.get(file.name, ()):
            piece = (probe, key)
            noted = file.noted.get(piece)
            if noted is not None and piece not in file.put_back:
                file.put_back.add(piece)
                with contextlib.suppress(LookupError):  # then the test will not be seen to pass
                    self._observer.put_back(noted.before, [piece])

    def _settle(self, known: int, begun: Moment) -> None:
        """Forget what is not changed any more since then: of the files but for those that were known before."""
        now = self._observer.look()
        changed = self._changed(begun, now)
        for file in self._files[known:]:
            noted = {piece: each for piece, each in file.noted.items() if _counts(each.change)}
            if not self._thorough:
                still = {
                    id(before): self._changed(before, now)
                    for before in (each.before for each in noted.values())
                }
                noted = {
                    piece: each
                    for piece, each in noted.items()
                    # What a module holds that was loaded later cannot be told from the look at the beginning.
                    if piece in still[id(each.before)] and (piece[0] in OBJECTS or piece in changed)
                    if each.change.category != "random"
                }
            file.noted = noted

    def _changed(self, before: Moment, now: Moment) -> Set[Piece]:
        return {(each.probe, each.key) for each in self._observer.changes(before, now)}


def _counts(change: Change) -> bool:
    """Leave out what was put back at once, and modules that were loaded: whoever imports them next gets the same."""
    if change.probe == "modules" and change.before is None:
        return is_stand_in(change.key)
    return change.before != change.after
