"""Odd things among the project's globals: none is called, none stops the look, and what is too much is said to be."""

# ruff: noqa: ANN401, ARG001  (values of any kind are what it is about; `app` is wanted for being loaded)

from __future__ import annotations

import collections
import importlib.util
import sys
import types
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from state_of_app import APP, change_of, is_app, told

from shakeproof.inject.shakeproof_state.globals import Globals
from shakeproof.inject.shakeproof_state.graph import MOST_PARTS

if TYPE_CHECKING:
    from collections.abc import Callable


class Touchy:
    """Complains of whatever is asked of it."""

    calls: ClassVar[list[str]] = []

    def _complain(self, *_: object) -> Any:
        Touchy.calls.append("called")
        message = "code of the project was called"
        raise AssertionError(message)

    __getattr__ = __getattribute__ = __eq__ = __repr__ = __str__ = __len__ = __iter__ = __bool__ = (
        _complain
    )
    __contains__ = __getitem__ = __format__ = __reduce__ = __dir__ = __call__ = _complain
    __class__ = property(_complain)
    answer = property(_complain)

    def __hash__(self) -> int:
        if Touchy.armed:
            self._complain()
        return 1

    armed = False


class TouchyDict(dict[Any, Any]):
    """A dictionary that does, too."""

    __getitem__ = __iter__ = __len__ = keys = values = items = __eq__ = __contains__ = (
        Touchy._complain
    )
    __hash__ = None


class TouchyMeta(type):
    def __getattribute__(cls, name: str) -> Any:
        raise AssertionError(name)

    def __eq__(cls, other: object) -> bool:
        raise AssertionError

    __hash__ = type.__hash__


@pytest.fixture
def armed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Touchy, "armed", True)
    monkeypatch.setattr(Touchy, "__module__", APP)


def test_looking_calls_no_code_of_the_project(
    app: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = Touchy(), Touchy()
    kind = TouchyMeta("Kind", (), {"__module__": APP, "n": 1})
    keyed = {object.__new__(Touchy): 1}
    ordered = collections.OrderedDict([(one, 1)])
    monkeypatch.setattr(Touchy, "armed", True)
    monkeypatch.setattr(Touchy, "__module__", APP)
    monkeypatch.setattr(TouchyDict, "__module__", APP)
    vars(app).update(
        one=one,
        kind=kind,
        instance=object.__new__(kind),  # type: ignore[arg-type]
        keyed=keyed,
        ordered=ordered,
        held=[one],
        odd=TouchyDict(a=1),
    )
    probe = Globals(is_app)
    before = probe.look()
    assert probe.look() is before

    vars(app)["one"] = other
    dict.__setitem__(app.odd, "b", other)
    app.held.append(other)
    keyed.popitem()
    object.__setattr__(one, "x", other)
    found = {each.key: each for each in probe.changes(before, probe.look())}

    assert not Touchy.calls
    assert found["state_app.one"].before == "<state_app.Touchy object>"
    assert found["state_app.one"].after == "another <state_app.Touchy object>"
    assert found["state_app.held"].after.endswith("<state_app.Touchy object>]")  # type: ignore[union-attr]
    assert found["state_app.odd['b']"].before is None
    assert "state_app.keyed[<state_app.Touchy object>]" in found


def test_strange_things_among_the_modules(
    app: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stand:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    Stand.__module__ = APP
    stand = Stand()
    spec = importlib.util.find_spec("this")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    lazy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lazy)
    monkeypatch.setitem(sys.modules, f"{APP}.stand", stand)
    monkeypatch.setitem(sys.modules, f"{APP}.lazy", lazy)
    monkeypatch.setitem(sys.modules, f"{APP}.blocked", None)
    vars(app)["lazy"] = lazy

    found = change_of(Globals(is_app), lambda: setattr(stand, "debug", True))

    assert told(found) == [("global", "state_app.stand.debug", None, "True")]
    assert type(lazy) is not types.ModuleType  # it is still to be loaded


def test_a_submodule_loaded_late_is_no_change_of_its_package(app: types.ModuleType) -> None:
    late = types.ModuleType(f"{APP}.late")

    assert not change_of(
        Globals(is_app), lambda: vars(app).update(late=late, __warningregistry__={})
    )


def test_a_very_large_container_is_looked_at_in_part(app: types.ModuleType) -> None:
    vars(app).update(rows=list(range(100_000)), table=dict.fromkeys(range(100_000)))

    def act() -> None:
        app.rows.append(1)
        app.table["x"] = 1

    found = change_of(Globals(is_app), act)

    assert [(each.key, each.before, each.can_put_back) for each in found] == [
        ("state_app.rows", f"100000 items, of which the first {MOST_PARTS} were looked at", False),
        ("state_app.table", f"100000 items, of which the first {MOST_PARTS} were looked at", False),
    ]


def test_too_many_objects_are_said_to_be_too_many(app: types.ModuleType) -> None:
    vars(app)["rows"] = [[] for _ in range(200)]
    probe = Globals(is_app, most_nodes=100)

    probe.look()

    assert probe.notes == [
        "more than 100 objects hang on the project's globals: the others were not compared"
    ]


def test_cycles_and_locks(app: types.ModuleType, write: Callable[[str], None]) -> None:
    write("""
        import threading, weakref
        class Node: pass
        a, b = Node(), Node()
        a.other, b.other = b, a
        X = []; X.append(X)
        LOCK = threading.Lock(); RLOCK = threading.RLock(); CONDITION = threading.Condition()
        REFS = weakref.WeakValueDictionary(a=a)
    """)

    found = change_of(Globals(is_app), lambda: write("a.n = 1; X.append(2); LOCK.acquire()"))

    assert {each.key for each in found} == {"state_app.a.n", "state_app.X"}


def test_shared_cached_parts_do_not_hide_a_change(
    app: types.ModuleType, write: Callable[[str], None]
) -> None:
    """What two hold is told where it was found first, and once."""
    write("shared = [1]; A = {'s': shared}; B = {'s': shared}")

    found = change_of(Globals(is_app), lambda: write("B['s'].append(2)"))

    assert told(found) == [("global", "state_app.shared", "[1]", "[1, 2]")]
