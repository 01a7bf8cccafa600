"""What hangs on the project's globals: every change is told with its key, and can be put back."""

# ruff: noqa: ARG001  (values of any kind are what it is about; `app` is wanted for being loaded)

from __future__ import annotations

import contextvars
import dataclasses
import enum
import itertools
import json
from typing import TYPE_CHECKING
from unittest import mock

import pydantic
import pytest
from fastapi import FastAPI
from state_of_app import APP, change_of, is_app, told

from shakeproof.inject.shakeproof_state.globals import Globals
from shakeproof.inject.shakeproof_state.patches import Patches

if TYPE_CHECKING:
    import types
    from collections.abc import Callable

    from shakeproof.inject.shakeproof_state.protocol import Change


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
