"""What lies on the sides that are compared."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest
from benching import CONFIG, write_uv

from shakeproof.gates.benchmarks.settings import read_settings
from shakeproof.gates.benchmarks.sides import installed_sides, repository

if TYPE_CHECKING:
    from pathlib import Path

    from benching import Bench


@pytest.fixture
def repo(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    """Give the project in a repository, with one commit."""
    bench.git("init", "--quiet", "--initial-branch", "main")
    bench.write("gone.py", "GONE = True")
    bench.write("mäßig.py", "NAME = 'not ASCII'")
    bench.commit()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("UV", str(write_uv(tmp_path)))
    return bench


def test_head_is_what_lies_in_the_working_tree(repo: Bench) -> None:
    """Changed, new and removed files included; the base is what was committed, twice."""
    (repo.root / "gone.py").unlink()
    repo.write("new.py", "NEW = True")
    repo.write("pyproject.toml", f"{CONFIG}# changed\n")
    settings = read_settings(repo.root / "pyproject.toml")
    commit = repo.git("rev-parse", "HEAD")

    with installed_sides(repository(repo.root), commit, settings, lambda _: None) as sides:
        files = {
            arm: {path.name for path in side.folder.iterdir() if path.suffix == ".py"}
            for arm, side in sides.items()
        }
        text = (sides["head"].folder / "pyproject.toml").read_text(encoding="utf-8")
        # Versions that are read from git are found on every side.
        assert all((side.folder / ".git").exists() for side in sides.values())
        assert len({len(str(side.folder)) for side in sides.values()}) == 1

    committed = {"code_under_test.py", "gone.py", "mäßig.py"}
    assert files["base"] == files["again"] == committed
    assert files["head"] == committed - {"gone.py"} | {"new.py"}
    assert text.endswith("# changed\n")
