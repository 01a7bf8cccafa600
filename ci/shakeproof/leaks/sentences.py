"""What is said of a test that leaves something changed: what it was, and what to use instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shakeproof.messages import mask, mask_value
from shakeproof.report.advice import advice_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shakeproof.inject.shakeproof_state.fills import Meanwhile
    from shakeproof.inject.shakeproof_state.protocol import Change

MOST_NAMED = 3


def sentence(test: str, change: Change, advice: str | None = None) -> str:
    """Say what a test changed, and what to use instead: the advice for the category, unless a better one is given."""
    return f"{test} {_what_happened(change)}; {advice or _advice(change)}"


def sentence_of_fill(test: str, change: Change, meanwhile: Meanwhile) -> str:
    """Say that a cache was filled with what it read while something was changed."""
    who = f"a fixture that ended with {test}" if meanwhile.by_fixture else test
    read = shortly(what(each) for each in meanwhile.changes)
    was = "was" if len(meanwhile.changes) == 1 else "were"
    advice = advice_for(change.category).short
    return (
        f"{who} left {what(change)} filled while {read} {was} changed ({_values(change)}); {advice}"
    )


def what(change: Change) -> str:
    """Name the piece of state."""
    match change.probe, change.key:
        case "umask", _:
            return "the umask"
        case "interpreter", str(key) if key.startswith("SIG"):
            return f"the handler of {key}"
        case "interpreter" | "defaults", str(key) if key.endswith("()"):
            return key
        case _:
            noun = advice_for(change.category).noun
            stands_for_all = change.key in (change.category, "warnings.filters")
            return noun if stands_for_all else f"{noun} {mask(change.key)}".strip()


def _advice(change: Change) -> str:
    """Give the advice for its category, where that fits: monkeypatch sets attributes, and nothing else."""
    if change.probe in ("umask", "defaults") or what(change).startswith(
        ("the handler of", "sys.get")
    ):
        return "put it back in a fixture"
    return advice_for(change.category).short


def _what_happened(change: Change) -> str:
    """Say it by category: what was left behind reads otherwise than what was changed."""
    key, after = mask(change.key), mask_value(change.key, change.after)
    match change.category, change.probe, change.before, change.after:
        case "thread", "threads", _, str(kind) if key.startswith("thread "):
            return f"left the {kind.removesuffix(' running')} {key.removeprefix('thread ')} running"
        case "thread", "threads", _, _:
            return f"left the {key} {after}"
        case "network", "descriptors", _, _:
            return f"left a socket open ({after}, {key})"
        case "filesystem", "descriptors", _, _:
            return f"left a file open ({after}, {key})"
        case "filesystem", "files", None, _:
            return f"left the file {key} behind ({after})"
        case "filesystem", "files", _, None:
            return f"removed the file {key}"
        case _:
            return f"changed {what(change)} ({_values(change)})"


def _values(change: Change) -> str:
    before, after = (
        "not there" if each is None else mask_value(change.key, each)
        for each in (change.before, change.after)
    )
    return f"{before} -> {after}"


def shortly(names: Iterable[str]) -> str:
    """Name the first few, and how many more there are."""
    found = list(names)
    others = len(found) - MOST_NAMED
    return ", ".join(found[:MOST_NAMED]) + (f" and {others} more" if others > 0 else "")
