"""What nox itself does with the noxfile where a session cannot run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_session_whose_python_is_missing_is_red() -> None:
    """A session that did not run has answered nothing, so it is an error and no skip."""
    command = ("-m", "nox", "--force-python", "3.99", "-s", "lint")

    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert "3.99" in done.stderr
