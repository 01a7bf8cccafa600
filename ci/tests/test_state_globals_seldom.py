"""Globals, patches and caches of kinds that few projects have: told all the same, and put back where that can be."""

from __future__ import annotations

import contextvars
import functools
import itertools
import textwrap
import time
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from state_of_app import APP, change_of, is_app, told

from shakeproof.inject.shakeproof_state.cached import MOST_ENTRIES
from shakeproof.inject.shakeproof_state.caches import Caches
from shakeproof.inject.shakeproof_state.globals import Globals
from shakeproof.inject.shakeproof_state.graph import MOST_PARTS
from shakeproof.inject.shakeproof_state.patches import Patches

if TYPE_CHECKING:
    import types
    from collections.abc import Callable


ENCLOSED = """
    def make():
        {first}
        def act():
            nonlocal x
            {then}
        return act
    act = make()
    """


@pytest.mark.parametrize(
    ("code", "act", "expected"),
    [
        ("class C: pass", "C.n = 1", (".C.n", None, "1")),
        (
            ENCLOSED.format(first="x = 1", then="del x"),
            "act()",
            (".act.<locals>.x", "1", None),
        ),
        (
            ENCLOSED.format(first="if False: x = 1", then="x = 1"),
            "act()",
            (".act.<locals>.x", None, "1"),
        ),
        (
            "import gc, types\nX = types.MappingProxyType({'a': 1})",
            "gc.get_referents(X)[0]['a'] = 2",
            (".X['a']", "1", "2"),
        ),
        (
            "import functools\n@functools.cache\ndef f(n): return [n]\nf(1)",
            "f(1).append(2)",
            (".f(1)", "[1]", "[1, 2]"),
        ),
        (
            "X = list(range(40))",
            "X[10:] = 'abcdefghijklmnop'",
            (
                ".X",
                None,
                "[... 10 the same, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', ... of 26]",
            ),
        ),
    ],
    ids=["new attribute", "variable deleted", "variable bound", "view", "result", "long list"],
)
def test_a_change_is_told_and_put_back(
    app: types.ModuleType,
    write: Callable[[str], None],
    code: str,
    act: str,
    expected: tuple[str, str | None, str],
) -> None:
    del app
    write(textwrap.dedent(code))

    (found,) = change_of(Globals(is_app), lambda: write(act))

    key, before, after = expected
    assert (found.key, found.after) == (f"{APP}{key}", after)
    assert before in (None, found.before)


@pytest.mark.parametrize(
    ("value", "act", "key"),
    [
        (itertools.count(1), next, ".X"),
        (contextvars.ContextVar("X"), lambda variable: variable.set(1), ".X.get()"),
        (list(range(MOST_PARTS + 1)), list.clear, ".X"),
    ],
    ids=["counter", "context variable", "large list"],
)
def test_what_nobody_can_put_back_is_a_lookup_error(
    app: types.ModuleType, value: object, act: Callable[[object], object], key: str
) -> None:
    vars(app)["X"] = value
    probe = Globals(is_app)

    def in_its_own_context() -> None:
        before = probe.look()
        act(value)
        (found,) = probe.changes(before, probe.look())

        assert (found.key, found.can_put_back) == (f"{APP}{key}", False)
        with pytest.raises(LookupError):
            probe.put_back(before, found.key)

    contextvars.copy_context().run(in_its_own_context)


def test_a_container_that_has_grown_too_large_is_told_by_its_size(app: types.ModuleType) -> None:
    vars(app)["X"] = [0]
    probe = Globals(is_app)
    before = probe.look()

    app.X.extend(range(MOST_PARTS))

    (found,) = probe.changes(before, probe.look())
    assert (found.before, found.after) == (
        "1 items",
        f"{MOST_PARTS + 1} items, of which the first {MOST_PARTS} were looked at",
    )


def test_another_time_zone_is_no_change_of_the_module_that_tells_it(
    app: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The probe of the time zone tells it, and alone can put it back."""
    del app
    probe = Globals(is_app)
    before = probe.look()
    monkeypatch.setenv("TZ", "XYZ-3")
    try:
        time.tzset()
        found = list(probe.changes(before, probe.look()))
    finally:
        monkeypatch.undo()
        time.tzset()

    assert found == []


class Hidden:
    """A class that tells neither where it is from nor what its instances hold."""

    @property
    def __dict__(self) -> dict[str, object]:  # type: ignore[override]
        raise AssertionError


def test_a_class_that_hides_where_it_is_from_stops_no_look(app: types.ModuleType) -> None:
    made: dict[str, type] = {}
    exec("Nowhere = type('Nowhere', (), {})", made)  # noqa: S102  (where no module has a name)
    vars(app).update(hidden=Hidden(), nowhere=made["Nowhere"]())

    assert told(change_of(Globals(is_app), lambda: vars(app).update(X=1))) == [
        ("global", f"{APP}.X", None, "1")
    ]


def test_a_patch_of_a_module_is_told_and_stopped() -> None:
    probe = Patches(is_app)
    before = probe.look()
    original = textwrap.dedent
    mock.patch("textwrap.dedent").start()

    (found,) = probe.changes(before, probe.look())
    probe.put_back(before, found.key)

    assert (found.key, found.before) == ("textwrap.dedent", "<function textwrap.dedent>")
    assert textwrap.dedent is original
    with pytest.raises(LookupError):  # there is nothing to stop any more
        probe.put_back(before, found.key)


def test_a_patch_of_a_dictionary_is_seen_by_who_looks_at_the_dictionary() -> None:
    probe = Patches(is_app)
    before = probe.look()
    patch = mock.patch.dict({}, a=1)
    patch.start()

    found = list(probe.changes(before, probe.look()))

    patch.stop()
    assert found == []


def test_a_patch_that_was_there_before_is_nobodys() -> None:
    with_it = mock.patch("json.JSONDecoder.decode")
    with_it.start()
    probe = Patches(is_app)
    before = probe.look()
    other = mock.patch("textwrap.dedent")
    other.start()

    found = list(probe.changes(before, probe.look()))

    other.stop()
    with_it.stop()
    assert [each.key for each in found] == ["textwrap.dedent"]


@pytest.mark.usefixtures("app")
def test_of_many_results_the_first_are_told() -> None:
    double = functools.lru_cache(maxsize=None)(_of_app(lambda n: 2 * n))
    probe = Caches(is_app)
    before = probe.look()
    for number in range(10):
        double(number)

    (found,) = probe.changes(before, probe.look())

    assert found.after == "10 entries: 0, 2, 4, ..."


@pytest.mark.usefixtures("app")
def test_a_large_cache_in_which_others_took_the_place_of_results_is_told() -> None:
    """What is in it is not compared; that something had to be found out anew tells."""
    double = functools.lru_cache(maxsize=MOST_ENTRIES + 1)(_of_app(lambda n: 2 * n))
    for number in range(MOST_ENTRIES + 1):
        double(number)
    probe = Caches(is_app)
    before = probe.look()
    double(1)

    assert list(probe.changes(before, probe.look())) == []
    double(-1)
    assert len(list(probe.changes(before, probe.look()))) == 1


@pytest.mark.usefixtures("app")
def test_a_cache_that_nobody_knows_cannot_be_emptied() -> None:
    probe = Caches(is_app)

    with pytest.raises(LookupError):
        probe.put_back(probe.look(), f"{APP}.unknown()")


def _of_app(function: Callable[[int], int]) -> Callable[[int], int]:
    function.__module__, function.__qualname__ = APP, "double"
    return function
