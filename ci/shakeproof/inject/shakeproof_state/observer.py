"""A set of probes that look together."""

from __future__ import annotations

from typing import Iterable, List, Sequence, Tuple

from .protocol import Change, Moment, Probe


class Observer:
    """Looks at all kinds of state at once. A probe that fails is switched off, and its failure told."""

    def __init__(self, probes: Iterable[Probe]) -> None:
        self._probes = {probe.name: probe for probe in probes}
        self.failed: List[str] = []  # a sentence for each probe that was switched off

    def look(self) -> Moment:
        """Take down everything."""
        moment: Moment = {}
        for name, probe in list(self._probes.items()):
            try:
                moment[name] = probe.look()
            except Exception as error:  # noqa: BLE001  (exotic state of any project: never a crash)
                self._switch_off(name, error)
        return moment

    def changes(self, before: Moment, after: Moment) -> Tuple[Change, ...]:
        """List what differs between two looks."""
        found: List[Change] = []
        for name, probe in list(self._probes.items()):
            if name in before and name in after:
                try:
                    found += (
                        each._replace(probe=name)
                        for each in probe.changes(before[name], after[name])
                    )
                except Exception as error:  # noqa: BLE001  (as above)
                    self._switch_off(name, error)
        return tuple(found)

    def put_back(self, before: Moment, pieces: Sequence[Tuple[str, str]]) -> None:
        """Make pieces of state, each named by probe and key, what they were. LookupError where that cannot be done."""
        for name, key in pieces:
            self._probes[name].put_back(before[name], key)

    def _switch_off(self, name: str, error: Exception) -> None:
        del self._probes[name]
        self.failed.append(
            "the probe {} was switched off: {}: {}".format(name, type(error).__name__, error)
        )
