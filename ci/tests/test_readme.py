"""The README says what nox says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

from shakeproof.gates.pages import replaced

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parent.parent.parent


def _readme_table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("readme_table", ROOT / "ci" / "readme_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_sessions_is_the_one_that_nox_lists() -> None:
    """The table equals what is generated from `nox -l --json`; `python ci/readme_table.py --write` mends it."""
    readme_table = _readme_table()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    expected = readme_table.table(readme_table.listed_sessions())

    assert replaced(readme, expected, readme_table.BEGIN, readme_table.END) == readme
    assert "`nox -s stability`" in expected


def test_a_table_that_drifted_is_put_right() -> None:
    """Only what stands between the two markers is replaced."""
    readme_table = _readme_table()
    old = f"before\n{readme_table.BEGIN}\nold\n{readme_table.END}\nafter\n"

    new = replaced(old, "| new |", readme_table.BEGIN, readme_table.END)

    assert new == f"before\n{readme_table.BEGIN}\n| new |\n{readme_table.END}\nafter\n"


def test_every_session_has_its_advice() -> None:
    """The part "When a session goes red" names each session that nox lists."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    advice = readme.partition("## When a session goes red")[2].partition("\n## ")[0]

    names = [str(each["session"]) for each in _readme_table().listed_sessions()]

    assert [name for name in names if f"**`{name}`**" not in advice] == []


def test_the_test_command_of_the_readme_is_what_ci_runs() -> None:
    """`.ci/run` runs the sessions of the README's two commands, no fewer; the last may get less time, for a part."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [
        line.partition("nox -s ")[2] for line in readme.splitlines() if "venv .venv" in line
    ]

    assert len(commands) == 2
    assert all(
        re.search(rf'nox" -s {re.escape(sessions)}( -- --budget \d+( -- [\w/ ]+)?)?\n', script)
        for sessions in commands
    )
