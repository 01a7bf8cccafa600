"""The ratchet: what coverage once reached and must not fall below again (pure)."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.coverage.settings import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shakeproof.gates.coverage.measured import Figures

FILE: Final = "coverage-ratchet.toml"
HEAD: Final = """\
# What coverage once reached: the whole percentages just below it. `nox -s coverage-gate -- --raise` raises it, and for
# Shakeproof `nox -s coverage-engine -- --raise`.
# Nothing lowers it but a hand, and a hand says why.
"""
KEYS: Final = frozenset({"coverage", "branches"})


@dataclass(frozen=True)
class Notch:
    """What one package reached, or just below: whole percentages leave room for what differs between Pythons."""

    coverage: int  # lines and branches together
    branches: int

    def raised(self, other: Notch) -> Notch:
        """Take the higher of each figure."""
        return Notch(max(self.coverage, other.coverage), max(self.branches, other.branches))


def notch(figures: Figures) -> Notch:
    """Say what was reached."""
    return Notch(_below(figures.percent), _below(figures.branch_percent))


def read_ratchet(text: str) -> Mapping[str, Notch]:
    """Read the ratchet's file; raise ShakeproofError where it is not one."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ShakeproofError(f"{FILE} is not TOML ({error}): restore it from git.") from error
    return {name: _notch(name, entry) for name, entry in document.items()}


def write_ratchet(notches: Mapping[str, Notch]) -> str:
    """Return the text of the file."""
    entries = (
        f'\n["{name}"]\ncoverage = {one.coverage}\nbranches = {one.branches}\n'
        for name, one in sorted(notches.items())
    )
    return HEAD + "".join(entries)


def raise_ratchet(
    notches: Mapping[str, Notch], reached: Mapping[str, Figures]
) -> Mapping[str, Notch]:
    """Return the ratchet with what was reached, nowhere lower than before."""
    now = {name: notch(figures) for name, figures in reached.items()}
    return {**notches, **{name: one.raised(notches.get(name, one)) for name, one in now.items()}}


def lowered(before: Mapping[str, Notch], now: Mapping[str, Notch]) -> Iterable[str]:
    """Say where a hand lowered the ratchet or took an entry away, so that nobody does it unseen."""
    for name, old in before.items():
        new = now.get(name, Notch(0, 0))
        if old.raised(new) != new:
            yield (
                f"{FILE}: {name} was {old.coverage} % and {old.branches} % at the merge base and is {new.coverage} % "
                f"and {new.branches} % now: somebody lowered it."
            )


def _below(percent: float) -> int:
    return max(0, math.ceil(percent) - 1)


def _notch(name: str, entry: object) -> Notch:
    if not isinstance(entry, dict) or entry.keys() != KEYS:
        raise ShakeproofError(f"{FILE}: {name} needs coverage and branches, and nothing else.")
    for value in entry.values():
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= WHOLE:
            raise ShakeproofError(f"{FILE}: {value!r} of {name} is no whole percentage.")
    return Notch(entry["coverage"], entry["branches"])
