"""What a project writes down for the coverage gate."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from coverages import file

from shakeproof.errors import ShakeproofError
from shakeproof.gates.coverage import floors
from shakeproof.gates.coverage.ratchet import (
    FILE,
    Notch,
    read_ratchet,
)
from shakeproof.gates.coverage.settings import Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Collection

ROOT = Path(__file__).parents[2]


def settings(folders: Collection[str] = (), /, **table: object) -> Settings:
    """Read these settings, in a project that has these folders."""
    pyproject = {"tool": {"shakeproof": {"coverage": {"pkg": table}}}}
    return read_settings(pyproject, "pkg", folders.__contains__)


def test_settings_name_packages_by_folder_or_by_import() -> None:
    """Both are the same package."""
    read = settings(source="pkg", packages={"pkg.core": 90, "pkg/api": 91.5})

    assert read.packages == {"pkg/core": 90.0, "pkg/api": 91.5}
    assert (read.total, read.changed, read.pragmas) == (80.0, 95.0, 0)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        (".", "."),
        ("./", "."),
        ("./pkg", "pkg"),
        ("pkg/", "pkg"),
        ("pkg//core/../api", "pkg/api"),
        ("pkg\\core", "pkg/core"),
        ("my.dir", "my.dir"),
        ("pkg.core", "pkg/core"),
        ("./not.there", "not.there"),
        (".hidden", ".hidden"),
    ],
)
def test_a_source_is_a_folder_of_the_project(name: str, folder: str) -> None:
    """However it is written; dots are those of an import only where no folder is called so."""
    assert settings(["my.dir"], source=name).source == folder


def test_the_project_itself_is_all_of_it() -> None:
    """Not the root of the file system, whose name without a slash is as empty."""
    everything = Settings(suite="all", source=".")
    files = [file("a.py", 10, 10), file("pkg/b.py", 10, 9)]

    (whole,) = floors.judge(files, everything, {".": Notch(0, 0)})

    assert (whole.name, whole.figures.files, whole.faults) == (".", 2, ())


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"source": "pkg", "total": 79.9}, "80 % is the floor nobody may lower"),
        ({"source": ""}, "without a name"),
        ({"source": 3}, "write a text"),
        ({"source": "/"}, "not a folder below"),
        ({"source": "/pkg"}, "not a folder below"),
        ({"source": "../pkg"}, "not a folder below"),
        ({"source": "pkg", "packages": {"..": 90}}, "not a folder below"),
        ({"source": "pkg", "pytest": "-q"}, "write a list of texts"),
        ({"source": "pkg", "packages": {"pkg": 101}}, "write a percentage"),
        ({"source": "pkg", "packages": 3}, "write a table"),
        ({"source": "pkg", "changed": True}, "write a percentage"),
        ({"source": "pkg", "pragmas": -1}, "write a count"),
        ({"source": "pkg", "flor": 80}, "knows no flor"),
    ],
)
def test_a_wrong_setting_is_told_in_a_sentence(table: dict[str, object], sentence: str) -> None:
    """Nothing is guessed, and nobody lowers the floor under the total."""
    with pytest.raises(ShakeproofError, match=sentence):
        settings(**table)


def test_a_suite_without_settings_is_named_with_those_that_have_some() -> None:
    """A wrong name does not judge nothing."""
    with pytest.raises(ShakeproofError, match=r"no \[tool.shakeproof.coverage.pkg\]; there is: b"):
        read_settings({"tool": {"shakeproof": {"coverage": {"b": {}}}}}, "pkg", bool)


def test_this_repositorys_own_settings_are_good() -> None:
    """Both suites are judged, and the ratchet holds only what is judged."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    suites = [
        read_settings(pyproject, suite, lambda name: (ROOT / name).is_dir())
        for suite in ("backend", "engine")
    ]

    judged_ = {name for one in suites for name in (one.source, *one.packages)}
    assert all((ROOT / name).is_dir() for name in judged_)
    assert read_ratchet((ROOT / FILE).read_text(encoding="utf-8")).keys() <= judged_
