"""What was learned, as it is stored: the cells, and what each device has taught each of them.

Twice: as it is now, and as it was after the last ride that retention took away (`base`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Table, delete

from backend.core.learning import Cell, Judgement, LearningRules, Observation
from backend.core.sharing import Contribution, learn_fairly
from backend.core.storage import Transaction
from backend.core.store.cells import Place, load_cells, load_cells_in, save_cells
from backend.core.store.shares import (
    load_contributions,
    load_contributions_of,
    save_contributions,
)


@dataclass(frozen=True, slots=True)
class Learned:
    """Cells by place, and by place and device what the device has taught them."""

    cells: Mapping[Place, Cell]
    contributions: Mapping[tuple[Place, str], Contribution]

    def plus(self, newer: "Learned") -> "Learned":
        """Return all of it, newer ones in the place of older ones."""
        return Learned({**self.cells, **newer.cells}, {**self.contributions, **newer.contributions})


def load_learned(
    tx: Transaction, segments: Collection[int] | None, *, base: bool = False
) -> Learned:
    """Return what was learned on these segments; None stands for all."""
    cells, weights = _tables(tx, base=base)
    return Learned(load_cells(tx, segments, table=cells), load_contributions(tx, segments, weights))


def load_taught(tx: Transaction, taught: Collection[tuple[Place, str]]) -> Learned:
    """Return what was learned in these places, and what these devices have taught there."""
    return Learned(
        load_cells_in(tx, (place for place, _ in taught)), load_contributions_of(tx, taught)
    )


def save_learned(tx: Transaction, learned: Learned, *, base: bool = False) -> None:
    """Write it in the place of what is stored for the same places and devices."""
    cells, weights = _tables(tx, base=base)
    save_cells(tx, learned.cells, cells)
    save_contributions(tx, learned.contributions, weights)


def forget_learned(tx: Transaction) -> None:
    """Delete all that is learned now; what it was after the last ride taken away stays."""
    for table in _tables(tx, base=False):
        tx.execute(delete(table))


def learn_all(
    known: Learned, observations: Sequence[tuple[Place, Observation]], rules: LearningRules
) -> tuple[Learned, tuple[Judgement, ...]]:
    """Learn observations in their order; return what changed, and what became of each observation.

    Nothing but these, what is known about their places, and the rules decides: the same observations in
    the same order lead to the same state.
    """
    cells: dict[Place, Cell] = {}
    contributions: dict[tuple[Place, str], Contribution] = {}
    judgements: list[Judgement] = []
    for place, observation in observations:
        own = place, observation.device
        cell, part, judgement = learn_fairly(
            cells.get(place, known.cells.get(place, Cell())),
            contributions.get(own, known.contributions.get(own, Contribution())),
            observation,
            rules,
        )
        if cell.as_of is not None:
            cells[place] = cell
        if judgement.learned:
            contributions[own] = part
        judgements.append(judgement)
    return Learned(cells, contributions), tuple(judgements)


def _tables(tx: Transaction, *, base: bool) -> tuple[Table, Table]:
    schema = tx.schema
    if base:
        return schema.base_cells, schema.base_device_weights
    return schema.cells, schema.device_weights
