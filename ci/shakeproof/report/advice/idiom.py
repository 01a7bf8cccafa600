"""What one piece of advice is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about one category of leaks."""

    noun: str  # what it is that changed, to be put before its key
    why: str  # why it matters that it stays changed, for somebody who has never met such a leak
    short: str  # what to use instead
    lines: tuple[str, ...]  # the fix, as code or as plain words
