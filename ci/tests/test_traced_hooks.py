"""How the engine's own suite is measured: what runs in audit hooks counts as well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

CI = Path(__file__).parents[1]
HEARING = """\
import sys

def hook(event, _):
    if event == "hello":
        print("heard")

sys.addaudithook(hook)
sys.addaudithook("{}{}".format)
sys.audit("hello")
"""


def test_what_runs_in_an_audit_hook_is_measured(tmp_path: Path) -> None:
    """Python itself traces no hook; and one that is written in C goes on as it is."""
    (tmp_path / "hearing.py").write_text(HEARING, encoding="utf-8")
    outer = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    coverage = (sys.executable, "-m", "coverage")
    how = (f"--rcfile={CI / 'coverage.toml'}", "--include=hearing.py", "--data-file=data")

    def run(*arguments: str) -> str:
        return subprocess.run(
            [*coverage, *arguments],
            cwd=tmp_path, env=outer, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    heard = run("run", *how, "hearing.py")
    run("combine", *how[:1], how[-1])
    run("json", *how[:1], how[-1], "-o", "report.json")

    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert heard == "heard\n"
    assert report["files"]["hearing.py"]["missing_lines"] == []
