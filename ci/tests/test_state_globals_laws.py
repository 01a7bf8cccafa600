"""Whatever hangs on the project's globals and however it is changed: it is told, and can be put back."""

# ruff: noqa: ANN401  (values of any kind are what it is about; `app` is wanted for being loaded)

from __future__ import annotations

import collections
import copy
import sys
import types
from typing import TYPE_CHECKING, Any
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st
from state_of_app import APP, is_app

from shakeproof.inject.shakeproof_state.globals import Globals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


ATOMS = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.floats(allow_nan=False)
NAMES = st.sampled_from(["a", "b", "c"])


class Plain:
    def __init__(self, **values: object) -> None:
        vars(self).update(values)


class Slotted:
    __slots__ = ("a", "b", "c")

    def __init__(self, **values: object) -> None:
        for name, value in values.items():
            setattr(self, name, value)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named = st.dictionaries(NAMES, inner, max_size=3)
    return (
        st.lists(inner, max_size=3)
        | st.dictionaries(ATOMS, inner, max_size=3)
        | named.map(lambda held: Plain(**held))
        | named.map(lambda held: Slotted(**held))
        | named.map(collections.OrderedDict)
        | st.sets(ATOMS, max_size=3)
        | st.lists(inner, max_size=3).map(collections.deque)
        | st.lists(inner, max_size=3).map(tuple)
    )


VALUES = st.recursive(ATOMS, containers, max_leaves=12)


def picture(value: Any) -> Any:
    """Take down all that a value is, in tuples."""
    kind = type(value)
    if kind in (list, tuple, collections.deque):
        return kind.__name__, tuple(map(picture, value))
    if kind in (dict, collections.OrderedDict):
        return kind.__name__, tuple((repr(key), picture(held)) for key, held in value.items())
    if kind is set:
        return "set", tuple(sorted(map(repr, value)))
    if kind is Plain:
        return "Plain", tuple(sorted((name, picture(held)) for name, held in vars(value).items()))
    if kind is Slotted:
        return "Slotted", tuple(
            (name, picture(getattr(value, name, "none"))) for name in ("a", "b", "c")
        )
    return repr(value)


def inside(value: Any) -> Iterator[Any]:
    """List a value's containers, itself among them."""
    kind = type(value)
    if kind in (list, tuple, collections.deque):
        yield value
        for each in value:
            yield from inside(each)
    elif kind in (dict, collections.OrderedDict):
        yield value
        for each in value.values():
            yield from inside(each)
    elif kind is set:
        yield value
    elif kind in (Plain, Slotted):
        yield value
        for name in ("a", "b", "c"):
            yield from inside(getattr(value, name, None))


def mutate(value: Any, how: int, new: Any) -> None:
    kind = type(value)
    if kind in (list, collections.deque):
        ways: list[Callable[[], object]] = [lambda: value.append(new), value.clear, value.reverse]
    elif kind in (dict, collections.OrderedDict):
        ways = [
            lambda: value.update(a=new),
            value.clear,
            lambda: value.pop(next(iter(value), None), None),
        ]
    elif kind is set:
        ways = [
            lambda: value.add("new"),
            value.clear,
            lambda: value.discard(next(iter(value), None)),
        ]
    elif kind in (Plain, Slotted):
        name = "abc"[how]
        has = hasattr(value, name) and how
        ways = [lambda: delattr(value, name) if has else setattr(value, name, new)] * 3
    else:  # a tuple
        return
    ways[how]()


@given(data=st.data(), value=VALUES)
def test_whatever_is_changed_can_be_put_back(data: st.DataObject, value: Any) -> None:
    """For any nesting and any changes: putting back all that is told makes it what it was."""
    app = types.ModuleType(APP)
    app.X = value  # type: ignore[attr-defined]
    with mock.patch.dict(sys.modules, {APP: app}):
        probe = Globals(lambda name: is_app(name) or name == __name__)
        before, was = probe.look(), picture(value)
        assert probe.look() is before
        for _ in range(data.draw(st.integers(0, 3))):
            targets = list(inside(app.X))
            if targets:
                target = data.draw(st.sampled_from(range(len(targets))))
                mutate(
                    targets[target], data.draw(st.integers(0, 2)), copy.deepcopy(data.draw(VALUES))
                )
        if data.draw(st.booleans()):
            app.X = data.draw(VALUES)  # type: ignore[attr-defined]

        found = [
            each for each in probe.changes(before, probe.look()) if each.key.startswith(APP + ".X")
        ]
        if picture(app.X) != was:
            assert found
        for each in found:
            probe.put_back(before, each.key)

        assert picture(app.X) == was
        assert not [
            each for each in probe.changes(before, probe.look()) if each.key.startswith(APP + ".X")
        ]
