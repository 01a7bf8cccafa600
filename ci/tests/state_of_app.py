"""A module of a project whose state is changed, and what is told of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from shakeproof.inject.shakeproof_state.globals import Globals
    from shakeproof.inject.shakeproof_state.protocol import Change

APP = "state_app"  # a module that no test but these loads


def is_app(name: str) -> bool:
    return name.partition(".")[0] == APP


def change_of(probe: Globals, act: Callable[[], object]) -> list[Change]:
    """List what is told of an act, and see that it can be put back and that looking again tells nothing."""
    before = probe.look()
    act()
    after = probe.look()
    found = list(probe.changes(before, after))
    assert not list(probe.changes(after, probe.look()))
    for each in found:
        if each.can_put_back:
            probe.put_back(before, each.key)
    left = {each.key for each in probe.changes(before, probe.look())}
    assert left == {each.key for each in found if not each.can_put_back}
    return found


def told(found: list[Change]) -> list[tuple[str, str, str | None, str | None]]:
    return [(each.category, each.key, each.before, each.after) for each in found]
