"""Keep the table of sessions in README.md equal to what `nox -l --json` says.

python ci/readme_table.py            print the table
python ci/readme_table.py --write    put it into README.md
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from generated import print_or_write

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- sessions: begin -->", "<!-- sessions: end -->"


def main(argv: list[str]) -> int:
    """Print the table, or write it into the README."""
    return print_or_write(argv, BEGIN, END, table(listed_sessions()))


def listed_sessions() -> list[dict[str, object]]:
    """Ask nox for its sessions, in the order of the noxfile."""
    command = [
        sys.executable,
        "-m",
        "nox",
        "-f",
        str(ROOT / "noxfile.py"),
        "-l",
        "--json",
        "-t",
        "ci",
    ]
    answer = subprocess.run(
        [*command, "--no-dependencies"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    sessions: list[dict[str, object]] = json.loads(answer.stdout)
    return sessions


def table(sessions: list[dict[str, object]]) -> str:
    """Lay the sessions out as a Markdown table: the command, and the question it answers."""
    rows = [f"| `nox -s {each['session']}` | {each['description']} |" for each in sessions]
    return "\n".join(["| command | question |", "|---|---|", *rows])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
