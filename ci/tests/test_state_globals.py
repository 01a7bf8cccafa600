"""What hangs on the project's globals: every change is told with its key, and can be put back."""

# ruff: noqa: ANN401, ARG001  (values of any kind are what it is about; `app` is wanted for being loaded)

from __future__ import annotations

import collections
import contextvars
import copy
import dataclasses
import enum
import importlib.util
import itertools
import json
import sys
import textwrap
import types
from typing import TYPE_CHECKING, Any, ClassVar
from unittest import mock

import pydantic
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from shakeproof.inject.shakeproof_state.globals import Globals
from shakeproof.inject.shakeproof_state.graph import MOST_PARTS
from shakeproof.inject.shakeproof_state.patches import Patches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shakeproof.inject.shakeproof_state.protocol import Change

APP = "state_app"  # a module that no test but these loads


def is_app(name: str) -> bool:
    return name.partition(".")[0] == APP


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Give a module of the project, loaded."""
    module = types.ModuleType(APP)
    monkeypatch.setitem(sys.modules, APP, module)
    return module


@pytest.fixture
def write(app: types.ModuleType) -> Callable[[str], None]:
    """Give a function that runs code in that module."""

    def run(code: str) -> None:
        exec(textwrap.dedent(code), vars(app))  # noqa: S102  (what a module of a project does)

    return run


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


@pytest.mark.parametrize(
    ("code", "act", "expected"),
    [
        ("X = 1", "X = 2", ("global", ".X", "1", "2")),
        ("", "X = 2", ("global", ".X", None, "2")),
        ("X = 1", "del X", ("global", ".X", "1", None)),
        ("X = [1]", "X.append(2)", ("global", ".X", "[1]", "[1, 2]")),
        ("X = [1]", "X = [2]", ("global", ".X", "[1]", "[2]")),
        (
            "X = {'a': {'b': [1]}}",
            "X['a']['b'] += [2]",
            ("global", ".X['a']['b']", "[1]", "[1, 2]"),
        ),
        ("X = {'a': 1}", "X[2] = 3", ("global", ".X[2]", None, "3")),
        ("X = {(1, 'a'): 1}", "del X[1, 'a']", ("global", ".X[(1, 'a')]", "1", None)),
        ("X = {1}", "X.add(2)", ("global", ".X", "{1}", "{1, 2}")),
        ("X = [1, 2]", "X.reverse()", ("global", ".X", "[1, 2]", "[2, 1]")),
        ("X = ([1], 2)", "X[0].clear()", ("global", ".X[0]", "[1]", "[]")),
        (
            "RESULTS_CACHE = {}",
            "RESULTS_CACHE['k'] = 1",
            ("cache", ".RESULTS_CACHE['k']", None, "1"),
        ),
        (
            "SETTINGS = {'debug': False}",
            "SETTINGS['debug'] = True",
            ("settings", ".SETTINGS['debug']", "False", "True"),
        ),
        ("class C: n = 0", "C.n += 1", ("global", ".C.n", "0", "1")),
        ("class C: seen = []", "C().seen.append(1)", ("global", ".C.seen", "[]", "[1]")),
        ("class C: n = 0\nc = C()", "c.n = 1", ("global", ".c.n", None, "1")),
        ("class C: __slots__ = ('n',)\nc = C()", "c.n = 1", ("global", ".c.n", None, "1")),
        ("class C: __slots__ = ('n',)\nc = C()\nc.n = 1", "del c.n", ("global", ".c.n", "1", None)),
        ("class C(dict): pass\nc = C(a=1)", "c['a'] = 2", ("global", ".c['a']", "1", "2")),
        ("class C(list): pass\nc = C()", "c.append(2)", ("global", ".c", "[]", "[2]")),
        (
            "class M(type): pass\nclass C(metaclass=M): n = 0",
            "C.n = 1",
            ("global", ".C.n", "0", "1"),
        ),
        ("def f(items=[]): items.append(1)", "f()", ("global", ".f(items)", "[]", "[1]")),
        ("def f(*, by={}): by['a'] = 1", "f()", ("global", ".f(by)['a']", None, "1")),
        (
            "class C:\n  @staticmethod\n  def f(x=[]): x.append(1)",
            "C.f()",
            ("global", ".C.f(x)", "[]", "[1]"),
        ),
        ("def f(): f.calls = 1", "f()", ("global", ".f.calls", None, "1")),
        (
            "def f(x=1): pass",
            "f.__defaults__ = (2,)",
            ("global", ".f.__defaults__", "(1,)", "(2,)"),
        ),
        (
            "from types import SimpleNamespace as N\nX = N(a=1)",
            "X.a = 2",
            ("global", ".X.a", "1", "2"),
        ),
        (
            "import collections\nX = collections.deque([1])",
            "X.append(2)",
            ("global", ".X", "deque([1])", "deque([1, 2])"),
        ),
        (
            "import threading\nX = threading.local()",
            "X.user = 'a'",
            ("global", ".X.user", None, "'a'"),
        ),
        (
            "import threading\nX = threading.Event()",
            "X.set()",
            ("global", ".X._flag", "False", "True"),
        ),
        (
            "import time\nnow = time.time",
            "now = lambda: 0",
            ("clock", ".now", "<built-in time.time>", "<function state_app.<lambda>>"),
        ),
    ],
)
def test_a_change_is_told_and_can_be_put_back(
    app: types.ModuleType,
    write: Callable[[str], None],
    code: str,
    act: str,
    expected: tuple[str, str, str, str],
) -> None:
    write(code)

    found = change_of(Globals(is_app), lambda: write(act))

    category, key, before, after = expected
    assert told(found) == [(category, APP + key, before, after)]


def test_the_memory_of_a_decorator_is_told_by_the_name_of_its_variable(
    app: types.ModuleType, write: Callable[[str], None]
) -> None:
    write("""
        import functools
        def memoized(function):
            known = {}
            @functools.wraps(function)
            def inner(key):
                if key not in known:
                    known[key] = function(key)
                return known[key]
            return inner

        @memoized
        def square(n): return n * n
    """)

    found = change_of(Globals(is_app), lambda: app.square(3))

    assert told(found) == [("global", "state_app.square.<locals>.known[3]", None, "9")]


def test_a_variable_of_the_function_around_is_told(
    app: types.ModuleType, write: Callable[[str], None]
) -> None:
    write("""
        def counter():
            n = 0
            def count():
                nonlocal n
                n += 1
            return count
        count = counter()
    """)

    assert told(change_of(Globals(is_app), app.count)) == [
        ("global", "state_app.count.<locals>.n", "0", "1")
    ]


def test_a_patch_that_was_never_stopped(
    app: types.ModuleType, write: Callable[[str], None]
) -> None:
    write("def fetch(): pass")
    patch = mock.patch(f"{APP}.fetch")

    found = change_of(Globals(is_app), patch.start)

    patch.stop()
    assert told(found) == [
        (
            "global",
            "state_app.fetch",
            "<function state_app.fetch>",
            "<unittest.mock.MagicMock object>",
        )
    ]


@pytest.mark.parametrize(
    ("target", "category"),
    [
        ("time.time", "clock"),
        ("datetime.datetime", "clock"),
        ("random.random", "random"),
        ("os.getpid", "global"),
    ],
)
def test_a_function_of_the_standard_library_that_was_replaced(target: str, category: str) -> None:
    patch = mock.patch(target)
    probe = Globals(is_app)
    before = probe.look()

    patch.start()
    try:
        found = list(probe.changes(before, probe.look()))
        for each in found:
            probe.put_back(before, each.key)
        left = list(probe.changes(before, probe.look()))
    finally:
        patch.stop()

    assert [(each.category, each.key) for each in found] == [(category, target)]
    assert not left


def test_a_patch_of_other_peoples_code_that_was_never_stopped() -> None:
    patch = mock.patch("json.JSONDecoder.decode")
    probe = Patches(is_app)
    before = probe.look()

    original = patch.start()
    found = list(probe.changes(before, probe.look()))
    probe.put_back(before, "json.decoder.JSONDecoder.decode")

    assert json.JSONDecoder.decode is not original
    assert told(found) == [
        (
            "global",
            "json.decoder.JSONDecoder.decode",
            "<function json.decoder.JSONDecoder.decode>",
            "<unittest.mock.MagicMock object>",
        )
    ]
    assert not list(probe.changes(before, probe.look()))


def test_a_patch_of_the_projects_code_is_told_once(
    app: types.ModuleType, write: Callable[[str], None]
) -> None:
    write("def fetch(): pass")
    probe = Patches(is_app)
    before = probe.look()

    with mock.patch(f"{APP}.fetch"):
        assert not list(probe.changes(before, probe.look()))


def test_overrides_of_an_application(app: types.ModuleType, write: Callable[[str], None]) -> None:
    vars(app)["api"] = FastAPI()
    write("def database(): pass\ndef fake(): pass")

    found = change_of(
        Globals(is_app), lambda: app.api.dependency_overrides.update({app.database: app.fake})
    )

    assert told(found) == [
        (
            "global",
            "state_app.api.dependency_overrides[<function state_app.database>]",
            None,
            "<function state_app.fake>",
        )
    ]


def test_a_field_of_a_model(app: types.ModuleType) -> None:
    class AppSettings(pydantic.BaseModel):
        debug: bool = False

    AppSettings.__module__ = APP
    vars(app)["current"] = AppSettings()

    found = change_of(Globals(is_app), lambda: setattr(app.current, "debug", True))

    assert told(found)[0] == ("settings", "state_app.current.debug", "False", "True")
    assert app.current == AppSettings()


def test_a_dataclass_with_slots_and_a_frozen_one(app: types.ModuleType) -> None:
    @dataclasses.dataclass(slots=True)
    class Counter:
        n: int = 0

    @dataclasses.dataclass(frozen=True)
    class Rules:
        limits: list[int] = dataclasses.field(default_factory=list)

    Counter.__module__ = Rules.__module__ = APP
    vars(app).update(counter=Counter(), rules=Rules())

    def act() -> None:
        app.counter.n = 1
        app.rules.limits.append(1)

    assert sorted(told(change_of(Globals(is_app), act))) == [
        ("global", "state_app.counter.n", "0", "1"),
        ("global", "state_app.rules.limits", "[]", "[1]"),
    ]


def test_combining_flags_is_no_change(app: types.ModuleType) -> None:
    class Right(enum.Flag):
        READ = 1
        WRITE = 2

    Right.__module__ = APP
    vars(app)["Right"] = Right

    assert not change_of(Globals(is_app), lambda: Right.READ | Right.WRITE)


def test_a_member_of_an_enumeration_is_told_by_its_name(app: types.ModuleType) -> None:
    class Mode(enum.Enum):
        OFF = 0
        ON = 1

    Mode.__module__ = APP
    Mode.__qualname__ = "Mode"
    vars(app).update(Mode=Mode, mode=Mode.OFF)

    found = change_of(Globals(is_app), lambda: setattr(app, "mode", Mode.ON))

    assert told(found) == [
        ("global", "state_app.mode", "<state_app.Mode.OFF>", "<state_app.Mode.ON>")
    ]


def test_a_context_variable(app: types.ModuleType) -> None:
    vars(app)["user"] = contextvars.ContextVar("user", default="nobody")

    def in_its_own_context() -> list[Change]:
        return change_of(Globals(is_app), lambda: app.user.set("somebody"))

    found = contextvars.copy_context().run(in_its_own_context)

    assert told(found) == [("global", "state_app.user.get()", "'nobody'", "'somebody'")]


def test_a_context_variable_without_a_default_cannot_be_unset(app: types.ModuleType) -> None:
    vars(app)["user"] = contextvars.ContextVar("user")

    def in_its_own_context() -> list[Change]:
        return change_of(Globals(is_app), lambda: app.user.set("somebody"))

    assert [each.can_put_back for each in contextvars.copy_context().run(in_its_own_context)] == [
        False
    ]


def test_a_counter_that_only_goes_on(app: types.ModuleType) -> None:
    vars(app)["ids"] = itertools.count(1)

    found = change_of(Globals(is_app), lambda: next(app.ids))

    assert [(*each[:4], each.can_put_back) for each in found] == [
        ("global", "state_app.ids", "count(1)", "count(2)", False)
    ]
    assert next(app.ids) == 2  # looking has not advanced it


def test_what_was_changed_and_then_let_go_is_put_back_as_well(
    app: types.ModuleType, write: Callable[[str], None]
) -> None:
    write("X = {'a': [1]}")
    probe = Globals(is_app)
    before = probe.look()
    write("X['a'].append(2); X['b'] = 1; X = None")

    (change,) = probe.changes(before, probe.look())
    probe.put_back(before, change.key)

    assert change[:4] == ("global", "state_app.X", "{'a': [1, 2]}", "None")
    assert app.X == {"a": [1]}


def test_only_the_piece_that_is_asked_for_is_put_back(
    app: types.ModuleType, write: Callable[[str], None]
) -> None:
    write("X = [{'a': 1}]; Y = 1")
    probe = Globals(is_app)
    before = probe.look()
    write("X[0]['a'] = 2; X.append(3); Y = 2")

    probe.put_back(before, "state_app.X")

    assert (app.X, app.Y) == ([{"a": 2}], 2)


def test_what_is_unknown_cannot_be_put_back(app: types.ModuleType) -> None:
    probe = Globals(is_app)

    with pytest.raises(LookupError):
        probe.put_back(probe.look(), "state_app.nothing")


def test_the_keys_of_a_dictionary_come_back_in_their_order(
    app: types.ModuleType, write: Callable[[str], None]
) -> None:
    write("import collections\nX = {'a': 1, 'b': 2}\nY = collections.OrderedDict(a=1, b=2)")

    change_of(Globals(is_app), lambda: write("del X['a'], Y['a']"))

    assert list(app.X) == ["a", "b"]
    assert list(app.Y.items()) == [("a", 1), ("b", 2)]


def test_keys_that_read_the_same_are_told_apart(
    app: types.ModuleType, write: Callable[[str], None]
) -> None:
    write("class K: pass\na, b = K(), K()\nX = {a: 1, b: 2}")

    found = change_of(Globals(is_app), lambda: write("X[b] = 3"))

    assert told(found) == [("global", "state_app.X[<state_app.K object>]'", "2", "3")]


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
