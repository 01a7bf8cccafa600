"""All probes together: one that fails is switched off, and in any interpreter they do without anything else."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import shakeproof
from shakeproof.inject.shakeproof_state.observer import Observer, default_probes
from shakeproof.inject.shakeproof_state.process import (
    WorkingFolder,
)

if TYPE_CHECKING:
    from shakeproof.inject.shakeproof_state.protocol import Change


class Broken:
    name = "broken"

    def __init__(self, looks: int) -> None:
        self._looks = looks

    def look(self) -> int:
        self._looks -= 1
        if self._looks < 0:
            raise OSError("no such state")
        return self._looks

    def changes(self, before: int, after: int) -> list[Change]:
        raise ValueError(before - after)

    def put_back(self, before: int, key: str) -> None:
        raise OSError(key, before)


@pytest.mark.parametrize(
    ("looks", "sentence"),
    [
        (1, "the probe broken was switched off: OSError: no such state"),
        (2, "the probe broken was switched off: ValueError: 1"),
    ],
)
def test_a_probe_that_fails_is_switched_off_with_a_sentence(looks: int, sentence: str) -> None:
    observer = Observer([Broken(looks), WorkingFolder()])

    before = observer.look()
    assert observer.changes(before, observer.look()) == ()

    assert observer.failed == [sentence]
    assert observer.notes == (sentence,)
    assert set(observer.look()) == {"cwd"}


def test_what_cannot_be_put_back_is_a_lookup_error() -> None:
    observer = Observer([Broken(9)])

    for probe, key in (("broken", "x"), ("unknown", "x")):
        with pytest.raises(LookupError):
            observer.put_back(observer.look(), [(probe, key)])


def test_looking_at_everything_twice_tells_nothing(tmp_path: Path) -> None:
    observer = Observer(default_probes(str(tmp_path)))
    observer.look()

    assert observer.changes(observer.look(), observer.look()) == ()
    assert observer.notes == ()


def test_the_probes_run_by_themselves_in_any_interpreter(tmp_path: Path) -> None:
    """As in a tested environment: found on the import path under a name of their own, with the standard library."""
    (tmp_path / "state_app.py").write_text("seen = []", encoding="utf-8")
    code = """
        import os, sys
        sys.path[:0] = sys.argv[1:]
        import state_app
        from shakeproof_state.observer import Observer, default_probes
        observer = Observer(default_probes(sys.argv[1]))
        before = observer.look()
        state_app.seen.append(1)
        os.environ["STATE_NEW"] = "1"
        found = observer.changes(before, observer.look())
        observer.put_back(before, [(each.probe, each.key) for each in found])
        print(*(each.key for each in found), observer.notes, observer.changes(before, observer.look()))
    """
    inject = Path(shakeproof.__file__).parent / "inject"

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", textwrap.dedent(code), tmp_path, inject],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "STATE_NEW state_app.seen () ()\n"
