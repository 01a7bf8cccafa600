"""Files that pytest cannot be given by their names: what is found about their tests is checked all the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from builders import declared, run, suspicion
from laboratory import statuses, write

from shakeproof.investigate.commands import counter_check
from shakeproof.lab.fresh import FreshLab
from shakeproof.model import Instability, Status

if TYPE_CHECKING:
    from pathlib import Path

    from shakeproof.model import Suspicion

SETTER, ODD = "test_a.py::test_sets", "test_[b].py::test_it"  # a bracket might begin a parameter
FILES = {"test_a.py": "def test_sets(): pass", "test_[b].py": "def test_it(): pass"}

pytestmark = pytest.mark.usefixtures("no_outer_run")


def suspected(kind: Instability, rootdir: Path) -> Suspicion:
    """Suspect the test in the odd file, with the other one as its culprit."""
    outcomes = {SETTER: Status.PASSED, ODD: Status.FAILED}
    example = run(declared(), outcomes, rootdir=rootdir)
    return replace(suspicion(ODD, kind, example), culprits=((SETTER,),))


@pytest.mark.parametrize(
    ("kind", "turns"),
    [
        (Instability.VICTIM, {"test_it": "passed"}),
        (Instability.BRITTLE, {"test_sets": "passed", "test_it": "passed"}),
    ],
)
def test_the_run_that_has_to_turn_out_the_other_way_gives_them_their_turn(
    kind: Instability, turns: dict[str, str], tmp_path: Path
) -> None:
    project = write(tmp_path, FILES)

    checked = counter_check(suspected(kind, project.rootdir), 1, ("-q",), project.rootdir)
    assert checked is not None
    (made,) = FreshLab(project.target(), project.logs, lambda *_: None).run([checked])

    assert statuses(made) == turns


def test_who_minds_what_is_collected_cannot_be_asked_without_a_name(tmp_path: Path) -> None:
    """Found among all files, it would have them all imported."""
    polluted = suspected(Instability.IMPORT_POLLUTED, tmp_path)

    assert counter_check(polluted, 1, (), tmp_path) is None
