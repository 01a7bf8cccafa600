"""Keep the report in README.md equal to what Shakeproof says of this backend with its settings in a cached global.

python ci/readme_story.py            print the report
python ci/readme_story.py --write    put it into README.md
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from generated import print_or_write

ROOT = Path(__file__).parent.parent
OVERLAY = ROOT / "ci/tests/specimens/cached_settings"
# Of the suite, only what the overlay's tests make their data with.
COPIED = (
    *("backend", "tests/__init__.py", "tests/factories.py"),
    *("tests/integration/__init__.py", "tests/integration/phone.py"),
)
VERDICT = "\nunstable: "
NO_STORY = 1
BEGIN, END = "<!-- story: begin -->", "<!-- story: end -->"


def main(argv: list[str]) -> int:
    """Print the report, or write it into the README."""
    with tempfile.TemporaryDirectory() as folder:
        answer = ask(lay_out(Path(folder) / "copy"))
    if VERDICT not in answer.stdout:
        said = f"{answer.stdout}{answer.stderr}"
        print(f"readme_story: no story (status {answer.returncode}):\n{said}", file=sys.stderr)
        return NO_STORY
    return print_or_write(argv, BEGIN, END, story(answer.stdout))


def lay_out(folder: Path) -> Path:
    """Copy the backend as it is in this checkout, and lay over it the settings as a cached global, with their tests."""
    leftovers = shutil.ignore_patterns("__pycache__", "*.sqlite3*")
    for name in COPIED:
        source, copy = ROOT / name, folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=leftovers)
        else:
            shutil.copyfile(source, copy)
    shutil.copytree(OVERLAY, folder, ignore=leftovers, dirs_exist_ok=True)
    return folder


def ask(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `shakeproof stability` in a folder, always with the same seed; the report is in `.shakeproof` there.

    Not under other conditions: they take a quarter of the time, and the story is about none of them.
    """
    how_hard = ("--seed", "1", "--seeds", "3", "--repeat", "2", "--jobs", "2")
    return run_in(folder, "shakeproof", "stability", *how_hard, "--conditions", "none")


def run_in(folder: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in a folder, with no plugin of pytest, and nothing of what this itself is run with."""
    outer = ("PYTEST_", "PYTHONHASHSEED", "BMTC_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        # The suite needs no plugin, and without those of this environment its commands are short.
        env={**environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def story(printed: str) -> str:
    """Cut the verdict and the findings out of what was printed, as a block of Markdown."""
    verdict = printed.partition(VERDICT)[2]
    findings = verdict[: found.start()] if (found := re.search(r"\n\n  \d", verdict)) else verdict
    return f"```text\nunstable: {findings.rstrip()}\n```"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
