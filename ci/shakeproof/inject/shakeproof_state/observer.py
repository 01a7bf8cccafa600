"""A set of probes that look together."""

from __future__ import annotations

import os
import tempfile
from typing import Iterable, List, Sequence, Tuple

from .brought import brought_along
from .caches import Caches
from .files import Files
from .globals import Globals
from .libraries import Defaults, ImportPath, Logging, Modules, Randomness, Warnings
from .patches import Patches
from .pools import Pools
from .process import STATUS, Environment, FileMode, Interpreter, Locale, TimeZone, WorkingFolder
from .project import Project
from .protocol import Change, Moment, Probe
from .running import DESCRIPTORS, Descriptors, Threads
from .sqlite import Databases
from .words import short


class Observer:
    """Looks at all kinds of state at once. A probe that fails is switched off, and its failure told."""

    def __init__(self, probes: Iterable[Probe]) -> None:
        self._probes = {probe.name: probe for probe in probes}
        self.failed: List[str] = []  # a sentence for each probe that was switched off

    def look(self, names: Sequence[str] = ()) -> Moment:
        """Take down everything, or only what the probes of these names look at."""
        moment: Moment = {}
        for name in names or tuple(self._probes):
            probe = self._probes.get(name)
            if probe is None:
                continue
            try:
                moment[name] = probe.look()
            except (Exception, SystemExit) as error:  # noqa: BLE001  (exotic state of any project: never a crash)
                self._switch_off(name, error)
        return moment

    def changes(self, before: Moment, after: Moment) -> Tuple[Change, ...]:
        """List what differs between two looks."""
        found: List[Change] = []
        for name in after:
            probe = self._probes.get(name)
            if probe is not None and name in before:
                try:
                    found += (
                        each._replace(probe=name)
                        for each in probe.changes(before[name], after[name])
                    )
                except (Exception, SystemExit) as error:  # noqa: BLE001  (as above)
                    self._switch_off(name, error)
        return tuple(found)

    def put_back(self, before: Moment, pieces: Sequence[Tuple[str, str]]) -> None:
        """Make pieces of state, each named by probe and key, what they were. LookupError where that cannot be done."""
        for name, key in pieces:
            try:
                self._probes[name].put_back(before[name], key)
            except Exception as error:
                raise LookupError("{} could not be put back: {!r}".format(key, error)) from error

    @property
    def notes(self) -> Tuple[str, ...]:
        """Say, a sentence for each, what is not looked at."""
        return (
            *self.failed,
            *(each for probe in self._probes.values() for each in getattr(probe, "notes", ())),
        )

    def advice(self, name: str) -> str:
        """Give what a probe itself advises instead of such a change; '' where it says nothing."""
        return str(getattr(self._probes.get(name), "advice", ""))

    def _switch_off(self, name: str, error: BaseException) -> None:
        del self._probes[name]
        self.failed.append("the probe {} was switched off: {}".format(name, _in_one_line(error)))


def _in_one_line(error: BaseException) -> str:
    name = type(error).__name__
    try:
        said = str(error).strip().partition("\n")[0]
    except Exception:  # noqa: BLE001  (an exception of anybody's own may fail at saying what it is)
        said = ""
    return short("{}: {}".format(name, said) if said else name)


def default_probes(root: str, excluded: Sequence[str] = ()) -> List[Probe]:
    """Give the probes that suit this machine, for a project in that folder: from the most telling to the least.

    The last are those that the project brings along itself.

    Files in the `excluded` folders belong to the test that made them, such as those of `tmp_path`.
    """
    is_project = Project(root)
    probes: List[Probe] = [
        Environment(),
        WorkingFolder(),
        Globals(is_project),
        Caches(is_project),
        Patches(is_project),
        Modules(is_project),
        ImportPath(),
        Logging(),
        Warnings(),
        Locale(),
        TimeZone(),
        Interpreter(),
        Defaults(),
        Randomness(),
        Threads(),
        Files((root, tempfile.gettempdir()), excluded),
        Databases(root, excluded, temporary=tempfile.gettempdir()),
        Pools(),
    ]
    # Linux alone tells these without changing them.
    if os.path.exists(STATUS):
        probes.append(FileMode())
    if os.path.isdir(DESCRIPTORS):
        probes.append(Descriptors())
    return [*probes, *brought_along({probe.name for probe in probes})]
