"""What the caches of `functools` hold: that they were filled, and what became of what is in them."""

from __future__ import annotations

import array
import functools
import sys
import textwrap
import types
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shakeproof.inject.shakeproof_state.cached import MOST_ENTRIES, entries
from shakeproof.inject.shakeproof_state.caches import Caches
from shakeproof.inject.shakeproof_state.globals import Globals

if TYPE_CHECKING:
    from collections.abc import Callable

    from shakeproof.inject.shakeproof_state.protocol import Change

APP = "state_app"  # a module that no test but these loads


def is_app(name: str) -> bool:
    return name == APP


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Give a module of the project, loaded."""
    module = types.ModuleType(APP)
    monkeypatch.setitem(sys.modules, APP, module)
    return module


@pytest.mark.usefixtures("app")
def test_caches_of_the_project() -> None:
    class Settings:
        debug = True

    def get() -> Settings:
        return Settings()

    def square(n: int) -> int:
        return n * n

    for function in (get, square):
        function.__module__, function.__qualname__ = "state_app", function.__name__
    settings, squares = functools.cache(get), functools.lru_cache(square)
    squares(1)
    probe = Caches(lambda name: name == "state_app")

    def act() -> None:
        settings()
        squares(2)

    found = sorted(change_of_caches(probe, act))

    assert [(each.category, each.key, each.before) for each in found] == [
        ("cache", "state_app.square()", "1 entry: 1"),
        ("settings", "state_app.get()", "empty"),
    ]
    assert found[0].after == "2 entries: 1, 4"
    assert found[1].after.startswith("1 entry: <")  # type: ignore[union-attr]
    assert (settings.cache_info().currsize, squares.cache_info().currsize) == (0, 0)


def change_of_caches(probe: Caches, act: Callable[[], object]) -> list[Change]:
    """Do without looking again: what a cache held before cannot be put in again."""
    before = probe.look()
    assert not list(probe.changes(before, probe.look()))
    act()
    found = list(probe.changes(before, probe.look()))
    for each in found:
        probe.put_back(before, each.key)
    return found


def test_a_cached_call_that_raises_is_no_change() -> None:
    @functools.cache
    def fail() -> None:
        raise ValueError("fails")

    fail.__module__ = "state_app"
    probe = Caches(lambda name: name == "state_app")
    before = probe.look()
    with pytest.raises(ValueError, match="fails"):
        fail()

    assert not list(probe.changes(before, probe.look()))


DEFINED = """
    import functools
    class Settings:
        def __init__(self, mode): self.mode, self.seen = mode, []
    @functools.{kind}
    def get_settings(mode="safe", *, debug=False): return Settings(mode)
    get_settings(); get_settings("fast", debug=True)
    """
KINDS = ["cache", "lru_cache(maxsize=8)", "lru_cache(maxsize=8, typed=True)"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_became_of_a_result_is_told_and_put_back(kind: str, app: types.ModuleType) -> None:
    exec(textwrap.dedent(DEFINED.format(kind=kind)), vars(app))  # noqa: S102  (what a module of a project does)
    probe = Globals(is_app)
    before = probe.look()

    app.get_settings().mode = "odd"
    app.get_settings("fast", debug=True).seen.append(1)

    found = list(probe.changes(before, probe.look()))
    assert [each[:4] for each in found] == [
        ("settings", "state_app.get_settings().mode", "'safe'", "'odd'"),
        ("settings", "state_app.get_settings('fast', debug=True).seen", "[]", "[1]"),
    ]
    for each in found:
        probe.put_back(before, each.key)
    assert not list(probe.changes(before, probe.look()))


@pytest.mark.parametrize("kind", KINDS)
def test_being_asked_changes_nothing(kind: str, app: types.ModuleType) -> None:
    exec(textwrap.dedent(DEFINED.format(kind=kind)), vars(app))  # noqa: S102  (likewise)
    probe = Globals(is_app)
    before = probe.look()

    app.get_settings()  # with a bound, it is now the one used last

    assert probe.look() is before


def test_that_a_cache_was_filled_is_told_by_one_probe_alone(app: types.ModuleType) -> None:
    exec(textwrap.dedent(DEFINED.format(kind="cache")), vars(app))  # noqa: S102  (likewise)
    of_globals, of_caches = Globals(is_app), Caches(is_app)
    before = of_globals.look(), of_caches.look()

    app.get_settings("slow")

    assert not list(of_globals.changes(before[0], of_globals.look()))
    assert len(list(of_caches.changes(before[1], of_caches.look()))) == 1


def test_a_cache_too_large_to_be_looked_into_is_said_to_be_so(app: types.ModuleType) -> None:
    large = functools.lru_cache(maxsize=None)(lambda n: [n])
    bound = functools.lru_cache(maxsize=10 * MOST_ENTRIES)(lambda n: [n])
    for each in (large, bound):
        each.__module__ = APP
        for number in range(MOST_ENTRIES + 1):
            each(number)
    app.large, app.bound = large, bound  # type: ignore[attr-defined]
    probe = Globals(is_app)

    probe.look()

    (note,) = probe.notes
    assert note.startswith(
        "the results that state_app.bound holds were not compared: there are too"
    )


def test_what_tells_nothing_of_its_inside_is_said_not_to_be_compared(app: types.ModuleType) -> None:
    vars(app).update({f"BUFFER_{number}": array.array("b", [1]) for number in range(5)})
    vars(app).update(EMPTY=object(), TABLE=types.MappingProxyType({"a": 1}))
    probe = Globals(is_app)

    probe.look()

    named = ", ".join(f"state_app.BUFFER_{number} (array.array)" for number in range(3))
    assert probe.notes == [
        f"the inside of {named} and 2 more was not compared: only its type could tell what it holds"
    ]


CALLS = st.lists(
    st.tuples(
        st.lists(
            st.none() | st.integers() | st.text(max_size=2) | st.tuples(st.integers()), max_size=3
        ),
        st.dictionaries(st.sampled_from("ab"), st.integers(), max_size=2),
    ),
    max_size=12,
)


@given(calls=CALLS, bound=st.none() | st.integers(0, 6), typed=st.booleans())
def test_the_entries_of_any_cache_are_what_it_answers(
    calls: list[tuple[list[Any], dict[str, int]]], bound: int | None, *, typed: bool
) -> None:
    @functools.lru_cache(maxsize=bound, typed=typed)
    def answer(*args: object, **named: object) -> object:
        return [args, named]

    for args, named in calls:
        answer(*args, **named)

    found = entries(answer)
    assert found is not None
    assert len(list(found[0])) == len(list(found[1])) == answer.cache_info().currsize
    for args, named in reversed(calls[-bound if bound else 0 :] if bound != 0 else []):
        misses = answer.cache_info().misses
        kept = answer(*args, **named)
        if answer.cache_info().misses == misses:
            assert any(kept is each for each in found[1])
