"""Looking at a target before any experiment: whether its tests can be run at all."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from shakeproof.errors import NothingToJudgeError, ShakeproofError
from shakeproof.messages import complaint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from shakeproof.lab.base import Target
    from shakeproof.model import Experiment, Run

PROBE = """
import sys
if sys.version_info < (3, 9):
    sys.exit("it is Python {0}.{1}".format(*sys.version_info))
import pytest
if getattr(pytest, "version_tuple", ()) < (7,):
    sys.exit("it has pytest " + pytest.__version__)
print("usable")
"""
ANSWER_SECONDS = 60.0  # in which an interpreter has to answer
USAGE_ERROR, NO_TESTS = 4, 5  # exit statuses of pytest
NEEDED = (  # by plugin: the package that brings it, and the option that asks for it
    ("randomly", "pytest-randomly", "--seeds"),
    ("xdist", "pytest-xdist", "--parallel"),
)
TAIL_LINES = 15  # of what pytest printed, shown where it would not start


def check_target(target: Target, remedy: str = "") -> None:
    """See that the root directory exists and that the interpreter has a pytest that can be used.

    Raises ShakeproofError with one sentence where not. It says what to do: the `remedy`, where it is not up to the
    options of the command.
    """
    if not target.rootdir.is_dir():
        raise ShakeproofError(
            f"There is no folder {target.rootdir}: "
            f"{remedy or 'name the project under test with --rootdir.'}"
        )
    naming = "name the project's own interpreter with --python."
    try:
        answer = subprocess.run(
            [target.python, "-c", PROBE],
            cwd=target.rootdir,
            capture_output=True,
            text=True,
            check=False,
            timeout=ANSWER_SECONDS,
        )
    except OSError as error:
        raise ShakeproofError(
            f"{target.python} cannot be started ({(error.strerror or str(error)).lower()}): "
            f"{remedy or naming}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ShakeproofError(
            f"{target.python} did not answer within a minute: "
            f"{remedy or 'name another interpreter with --python.'}"
        ) from error
    if "No module named 'pytest'" in answer.stderr:
        raise ShakeproofError(
            f"{target.python} has no pytest: install pytest there, or {remedy or naming}"
        )
    # Whatever `sitecustomize` or a wrapper prints comes before.
    if answer.returncode or not answer.stdout.rstrip().endswith("usable"):
        detail = answer.stderr.strip().rpartition("\n")[2] or "it does not answer as Python does"
        raise ShakeproofError(
            f"{target.python} cannot be used ({detail}): Python 3.9 and pytest 7 are the oldest that can."
        )


def check_collected(run: Run) -> None:
    """See that a run found tests.

    Raises NothingToJudgeError, with what pytest showed, where collection failed or nothing was selected;
    ShakeproofError where pytest did not accept its arguments.
    """
    if run.collection_errors:
        shown = "\n\n".join(run.collection_errors)
        raise NothingToJudgeError(
            f"{shown}\n\nThe tests could not be collected (above, as pytest shows it): "
            "mend that first, nothing was judged."
        )
    if run.collected and run.exit_status != USAGE_ERROR:
        return
    if run.exit_status in (0, NO_TESTS):
        raise NothingToJudgeError(
            "No tests were collected: check the paths and the selection (-k, -m) after `--`."
        )
    tail = _tail(run)
    for name, package, option in NEEDED:
        if name in run.experiment.plugins and "unrecognized arguments" in tail:
            raise ShakeproofError(_missing(package, option))
    raise ShakeproofError(
        f"{tail}\n\npytest did not start (above, what it printed): "
        "where it complains of an argument, check what follows `--` and `addopts`; else mend that first."
    )


def check_turns(runs: Sequence[Run], advice: str = "mend that first") -> None:
    """See that a test has had its turn, once there are runs: else every verdict would rest on nothing.

    Raises NothingToJudgeError, with what pytest said and what to do, where none has in any of them.
    """
    if not runs or any(run.order for run in runs):
        return
    last = runs[-1]
    raise NothingToJudgeError(
        f"Not a single test had its turn: pytest ended with status {last.exit_status} and said "
        f"`{complaint(_printed(last))}` (all of it is in {last.log}); {advice}, nothing was judged."
    )


def refusal(run: Run) -> str:
    """Give what pytest said of arguments that it did not accept; nothing where it accepted them."""
    return complaint(_printed(run)) if run.exit_status == USAGE_ERROR else ""


def check_plugins(first: Run, experiments: Sequence[Experiment]) -> None:
    """See, once a first run has told which plugins are loaded, that those which other runs need are among them.

    Raises ShakeproofError where not.
    """
    wanted = frozenset(name for each in experiments for name in each.plugins)
    for name, package, option in NEEDED:
        if name in wanted - first.plugins:
            raise ShakeproofError(_missing(package, option))


def _missing(package: str, option: str) -> str:
    return (
        f"{option} needs {package}, which the tests run without: "
        f"install it beside their pytest, or leave {option} out."
    )


def _tail(run: Run) -> str:
    return "\n".join(_printed(run).splitlines()[-TAIL_LINES:]).strip()


def _printed(run: Run) -> str:
    path: Path = run.log
    return path.read_text(encoding="utf-8", errors="replace")
