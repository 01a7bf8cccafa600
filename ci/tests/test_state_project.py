"""Which modules are the project's, and what values are called."""

from __future__ import annotations

import datetime as dt
import sys
import types
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shakeproof.inject.shakeproof_state.project import Project
from shakeproof.inject.shakeproof_state.words import LONGEST, described

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Path | None], None]:
    """Give a function that puts a module among the loaded ones, with the file from which it would come."""

    def put(name: str, path: Path | None) -> None:
        module = types.ModuleType(name)
        if path is not None:
            module.__file__ = str(path)
        monkeypatch.setitem(sys.modules, name, module)

    return put


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("app/core.py", True),
        ("tests/test_core.py", True),
        (".venv/lib/python3/site-packages/lib.py", False),
        ("env/lib/site-packages/lib.py", False),
        ("../elsewhere/lib.py", False),
    ],
)
def test_a_module_is_the_projects_by_its_file(
    tmp_path: Path, load: Callable[[str, Path | None], None], file: str, *, expected: bool
) -> None:
    load("state_module", tmp_path / "root" / file)

    assert Project(str(tmp_path / "root"))("state_module") is expected


def test_an_installed_copy_is_the_projects_by_its_name(
    tmp_path: Path, load: Callable[[str, Path | None], None]
) -> None:
    (tmp_path / "src" / "state_app").mkdir(parents=True)
    (tmp_path / "src" / "state_app" / "__init__.py").touch()
    (tmp_path / "state_script.py").touch()
    load("state_app.core", Path(sys.prefix, "lib", "site-packages", "state_app", "core.py"))
    project = Project(str(tmp_path))

    assert project("state_app.core")
    assert project("state_script")
    assert not project("state_application")


def test_a_file_of_the_project_does_not_claim_the_standard_library(tmp_path: Path) -> None:
    (tmp_path / "json.py").touch()

    assert not Project(str(tmp_path))("json")


def test_a_folder_of_the_environment_may_hold_projects(
    tmp_path: Path, load: Callable[[str, Path | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    load("state_module", tmp_path / "env" / "work" / "app.py")

    assert Project(str(tmp_path / "env" / "work"))("state_module")
    assert not Project(str(tmp_path))("state_module")


def test_what_runs_beside_the_tests_is_nobodys(
    tmp_path: Path, load: Callable[[str, Path | None], None]
) -> None:
    load("shakeproof_state.graph", tmp_path / "shakeproof_state" / "graph.py")

    assert not Project(str(tmp_path))("shakeproof_state.graph")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.complex_numbers(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner)
        | st.dictionaries(st.text(), inner)
        | st.frozensets(st.integers())
    ),
)


@given(value=VALUES)
def test_any_value_takes_one_short_line(value: object) -> None:
    text = described(value)

    assert 0 < len(text) <= LONGEST
    assert "\n" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, "a"], "[1, 'a']"),
        ((1,), "(1,)"),
        (set(), "set()"),
        ({2, 1}, "{1, 2}"),
        ({"a": [1]}, "{'a': [1]}"),
        (list(range(10)), "[0, 1, 2, 3, 4, 5, 6, 7, ... of 10]"),
        ([[[[1]]]], "[[[[...]]]]"),
        ([10**5000], "[<int of 16610 bits>]"),
        (dt.datetime(2020, 1, 2, tzinfo=dt.UTC), "2020-01-02 00:00:00+00:00"),
        (Path("/tmp"), "'/tmp'"),  # noqa: S108
        (dt, "<module datetime>"),
        (Fraction, "<class fractions.Fraction>"),
        (len, "<built-in len>"),
        (types.SimpleNamespace(a=1, _b=2), "<types.SimpleNamespace: a=1>"),
    ],
)
def test_values_in_words(value: object, text: str) -> None:
    assert described(value) == text
