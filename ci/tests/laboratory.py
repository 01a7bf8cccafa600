"""Small suites written for one test, and both laboratories to run them in."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shakeproof.lab.base import Target
from shakeproof.lab.fork import ForkLab
from shakeproof.lab.fresh import FreshLab
from shakeproof.model import Experiment, Kind, Run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class Project:
    """A suite on disk."""

    rootdir: Path
    logs: Path
    arguments: tuple[str, ...] = ()
    timeout: float = 30.0

    def target(self) -> Target:
        return Target(self.rootdir, sys.executable, self.arguments, self.timeout)

    def fork(self, *hash_seeds: int, jobs: int = 2) -> ForkLab:
        """Make a laboratory that forks."""
        return ForkLab(
            self.target(), self.logs, lambda *_: None, jobs=jobs, hash_seeds=hash_seeds or (0,)
        )

    def fresh(self, *orders: Iterable[str] | None) -> list[Run]:
        """Run each order in a fresh process."""
        lab = FreshLab(self.target(), self.logs, lambda *_: None)
        return [run for order in orders for run in lab.run([experiment(order)])]


def write(folder: Path, files: dict[str, str], *arguments: str, timeout: float = 30.0) -> Project:
    """Write a project's files."""
    rootdir, logs = folder / "project", folder / "logs"
    logs.mkdir()
    for name, text in files.items():
        path = rootdir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    return Project(rootdir, logs, arguments, timeout)


def experiment(tests: Iterable[str] | None = None, *, hash_seed: int = 0) -> Experiment:
    """Plan a run of these tests, or of all."""
    chosen = None if tests is None else tuple(tests)
    return Experiment("it", Kind.DECLARED, tests=chosen, hash_seed=hash_seed)


def ran(lab: ForkLab, *tests: str, hash_seed: int = 0) -> Run:
    """Run these tests, or all."""
    (run,) = lab.run([experiment(tests or None, hash_seed=hash_seed)])
    return run


def ended(lab: ForkLab, stem: Iterable[str], *endings: Iterable[str]) -> list[Run]:
    """Run each ending behind the stem."""
    before = tuple(stem)
    plan = (experiment(before), tuple(tuple(ending) for ending in endings))
    return [
        replace(run, collected=run.collected[len(before) :], outcomes=run.outcomes[len(before) :])
        for run in lab.behind([plan])
    ]


def seen(run: Run) -> list[tuple[str, str, str]]:
    """Say what each test did, and how it failed."""
    return [(each.test, str(each.status), each.message) for each in run.outcomes]


def statuses(run: Run) -> dict[str, str]:
    """Say what each test did, by the last part of its node id."""
    return {each.test.rpartition("::")[2]: str(each.status) for each in run.outcomes}
