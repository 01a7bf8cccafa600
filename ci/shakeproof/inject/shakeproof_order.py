"""Run exactly these tests, in exactly this order, whatever the project's plugins think of it."""

from __future__ import annotations

import copy
from typing import Generator, List, Sequence, Set

import pytest


class Order:
    """The plugin that puts the collected tests into the given order and drops those that are not in it."""

    def __init__(self, tests: Sequence[str]) -> None:
        self.tests = tests

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: List[pytest.Item]
    ) -> Generator[None, None, None]:
        """Have the last word: as the outermost wrapper, after every plugin has sorted and selected."""
        yield
        collected = {item.nodeid: item for item in items}
        chosen: List[pytest.Item] = []
        wanted: Set[str] = set()
        for test in self.tests:
            if test in collected:
                item = collected[test]
                chosen.append(_again(item) if test in wanted else item)
                wanted.add(test)
        left = [item for item in items if item.nodeid not in wanted]
        if left:
            config.hook.pytest_deselected(items=left)
        items[:] = chosen


def _again(item: pytest.Item) -> pytest.Item:
    """Make another item of the same test: told that the very same item comes next, pytest would not tear it down."""
    other = copy.copy(item)
    if isinstance(other, pytest.Function):
        other._initrequest()  # else it would ask for fixtures in the name of the first
    doctest = getattr(item, "dtest", None)
    if doctest is not None:  # which empties its names when it has run
        other.dtest = copy.copy(doctest)  # type: ignore[attr-defined]
        other.dtest.globs = dict(doctest.globs)  # type: ignore[attr-defined]
    return other
