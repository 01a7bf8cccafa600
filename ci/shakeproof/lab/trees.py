"""What one request asks of a fork: a beginning, and the endings to try from the state that it leaves (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shakeproof.model import Endings, Experiment, Restoring

SHORT = 3  # tests: of so few, most cost less than coming to the state in which they begin
MOST_SHORT = 50  # runs in one tree: what one of them does to its parent befalls the rest


@dataclass(frozen=True, slots=True)
class Tree:
    """Tests to run, and what to run behind them, each ending from the same state."""

    experiment: Experiment
    stem: tuple[str, ...]  # node ids
    endings: Endings = ()
    apart: tuple[Experiment, ...] = ()  # where the endings are experiments of their own: which
    watch: bool = False  # whether to tell what the tests of the stem leave behind
    restoring: tuple[Restoring, ...] = ()  # where something is put back before the endings: what
    temporary: str = (
        ""  # the temporary folder that it has in common with others; empty: one of its own
    )

    def known(self, collected: Mapping[str, int]) -> Tree:
        """Leave out, as a fresh process does, what was not collected: under another hash seed it may have been."""
        stem, *endings = (
            tuple(test for test in tests if test in collected)
            for tests in (self.stem, *self.endings)
        )
        return replace(self, stem=stem, endings=tuple(endings))

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """What each ending belongs to."""
        return self.apart or (self.experiment,) * len(self.endings)

    @property
    def ways(self) -> tuple[Restoring | None, ...]:
        """What is put back before each ending."""
        return self.restoring or (None,) * len(self.endings)

    def numbered(self, collected: Mapping[str, int]) -> dict[str, Any]:
        """Write it as the template reads it: tests by their place in the collection."""
        stem, *endings = (
            [collected[test] for test in tests] for tests in (self.stem, *self.endings)
        )
        ways = (way.as_json() if way else {} for way in self.ways)
        return {
            "stem": stem,
            "endings": [{"run": tests, **way} for tests, way in zip(endings, ways, strict=True)],
            "watch": self.watch,
            "touches": self.experiment.touches,
            "temporary": self.temporary,
        }


def is_short(experiment: Experiment) -> bool:
    """Tell whether a run is likely to take less than coming to the state in which it begins, and can be one of many."""
    alike = not (experiment.shares_temporary or experiment.touches)
    return alike and experiment.tests is not None and len(experiment.tests) <= SHORT


def bundled(short: Iterable[Experiment], jobs: int) -> tuple[Tree, ...]:
    """Give short experiments under the same hash seed one empty stem, in as many trees as there are jobs or more."""
    by_hash_seed: dict[int | None, list[Experiment]] = {}
    for each in short:
        by_hash_seed.setdefault(each.hash_seed, []).append(each)
    trees = []
    for same in by_hash_seed.values():
        number = min(len(same), max(jobs, -(-len(same) // MOST_SHORT)))
        for first in range(number):  # dealt out: those that take long often stand side by side
            some = tuple(same[first::number])
            endings = tuple(each.tests or () for each in some)
            # By itself, a run needs nothing to share.
            trees.append(
                Tree(some[0], (), endings, some) if some[1:] else Tree(some[0], endings[0])
            )
    return tuple(trees)
