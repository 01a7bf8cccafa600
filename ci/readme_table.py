"""Keep the table of sessions in README.md equal to what `nox -l --json` says.

python ci/readme_table.py            print the table
python ci/readme_table.py --write    put it into README.md
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- sessions: begin -->", "<!-- sessions: end -->"


def main(argv: list[str]) -> int:
    """Print the table, or write it into the README."""
    new = table(listed_sessions())
    if argv != ["--write"]:
        print(new)
        return 0
    readme = ROOT / "README.md"
    readme.write_text(replaced(readme.read_text(encoding="utf-8"), new), encoding="utf-8")
    return 0


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


def replaced(text: str, new: str) -> str:
    """Put the table between its two markers."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{new}\n{END}{after}"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
