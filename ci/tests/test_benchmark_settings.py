"""What a project may say about its benchmarks, and what it is told where it cannot be meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks.settings import Settings, read_settings, settings_of

ROOT = Path(__file__).parents[2]
NODE = "tests/benchmarks/test_a.py::test_sorting[10]"


def test_without_a_table_there_are_defaults(tmp_path: Path) -> None:
    """A project without a pyproject.toml, or without the table in it, is asked for nothing."""
    file = tmp_path / "pyproject.toml"
    missing = read_settings(file)
    file.write_text("[project]\nname = 'x'\n", encoding="utf-8")

    assert missing == read_settings(file) == Settings()
    assert missing.tolerance == 0.05


@pytest.mark.parametrize("key", [NODE, "test_sorting[10]", "test_sorting"])
def test_a_tolerance_names_a_benchmark_as_people_do(key: str) -> None:
    """By its node id, by its name, or by that without its parameters."""
    settings = settings_of({"tolerance": 0.1, "tolerances": {key: 0.3}})

    assert settings.tolerance_of(NODE) == 0.3
    assert settings.tolerance_of("tests/benchmarks/test_a.py::test_other") == 0.1


@pytest.mark.parametrize("key", ["tolerances", "instructions", "unpinned"])
def test_a_setting_for_no_benchmark_is_an_error(key: str) -> None:
    """A name with a typing error would be a tolerance that nobody gets."""
    value: Any = {"test_gone": 0.3} if key == "tolerances" else ["test_gone"]

    with pytest.raises(ShakeproofError, match=rf"'test_gone' in '{key}', and no benchmark"):
        settings_of({key: value}).check_names([NODE])


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"tolerence": 0.1}, "has no 'tolerence'"),
        ({"tolerance": "5 %"}, "tolerance is '5 %': write a share"),
        ({"tolerance": 0}, "tolerance is 0"),
        ({"tolerance": True}, "tolerance is True"),
        ({"tolerance": float("nan")}, "tolerance is nan"),
        ({"tolerances": [0.1]}, "tolerances is"),
        ({"tolerances": {"test_a": -1}}, "tolerances.test_a is -1"),
        ({"paths": []}, "paths is empty"),
        ({"paths": "tests"}, "paths is 'tests': write a list"),
        ({"paths": ["../other"]}, "names '../other': write a path inside"),
        ({"paths": ["/etc"]}, "names '/etc'"),
        ({"paths": ["."]}, "names '.'"),
        ({"helpers": [".git/config"]}, "names '.git/config'"),
        ({"install": [1]}, "install is"),
        ({"main": 1}, "main is 1"),
    ],
)
def test_what_cannot_be_meant_is_said(table: dict[str, Any], sentence: str) -> None:
    """Each in one sentence that names the key."""
    with pytest.raises(ShakeproofError) as raised:
        settings_of(table)

    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[half", "is not TOML"),
        ("tool = 1", "'tool' in"),
        ("[tool]\nshakeproof = 1", "'shakeproof' in"),
        ("[tool.shakeproof]\nbenchmarks = 1", "'benchmarks' in"),
    ],
)
def test_a_file_that_is_something_else_is_said(tmp_path: Path, content: str, sentence: str) -> None:
    """Nothing is guessed from half a file."""
    (tmp_path / "pyproject.toml").write_text(content, encoding="utf-8")

    with pytest.raises(ShakeproofError, match=sentence):
        read_settings(tmp_path / "pyproject.toml")


def test_what_this_repository_says_can_be_read() -> None:
    """The table that the session uses names files that exist."""
    settings = read_settings(ROOT / "pyproject.toml")

    assert [
        place for place in settings.paths + settings.helpers if not (ROOT / place).exists()
    ] == []
