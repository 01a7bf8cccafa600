"""What was learned, learned again from the stored rides.

Online, rides over one segment are learned one after the other, and each gets its number meanwhile: so
in the order of the numbers every cell sees its observations in the order in which it saw them then.
What retention took away is in `base_cells`: the cells after the last ride that is gone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from backend.core.bins import TimeBin
from backend.core.errors import UnexplainedError
from backend.core.learning import LearningRules, Observation
from backend.core.settings import Settings
from backend.core.storage import Transaction
from backend.core.store.cells import Place
from backend.core.store.learned import (
    forget_learned,
    learn_all,
    load_learned,
    save_learned,
)
from backend.core.store.segments import count_lesson

RIDES_PER_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did."""

    rides: int
    observations: int
    base: int
    """Cells of the checkpoint it began with."""
    cells: int
    """Cells in the end."""
    changed: int
    """Cells that are new or differ from what was there before."""
    removed: int
    """Cells that were there and that checkpoint and rides do not lead to."""


def rebuild(tx: Transaction, settings: Settings, *, replace: bool = False) -> Rebuilt:
    """Put what checkpoint and rides say in the place of what was learned, and say what that changed.

    Raises UnexplainedError, before anything is written, when there are cells of which neither knows anything - so
    it is when the tables once had an older version, without a checkpoint - unless `replace`: then they go.

    Under the settings that were in force all the time, nothing changes. Under others the rides are
    learned as these say; which time bin a ride falls into was decided when it came, and stays.
    """
    tx.claim_everything()
    rules = LearningRules.from_settings(settings)
    learned = load_learned(tx, None, base=True)
    base, rides, observations, last = len(learned.cells), 0, 0, None
    explained = set(learned.cells)
    while numbers := _rides_after(tx, last):
        seen = stored_observations(tx, numbers)
        newer, _ = learn_all(learned, seen, rules)
        learned = learned.plus(newer)
        explained.update(place for place, _ in seen)
        rides, observations, last = rides + len(numbers), observations + len(seen), numbers[-1]
    before = load_learned(tx, None).cells
    if not (replace or before.keys() <= explained):
        raise UnexplainedError(
            f"{len(before.keys() - explained)} of {len(before)} cells come from rides that are not kept, and no"
            " checkpoint holds them; nothing was changed: `rebuild --replace` removes them."
        )
    removed = before.keys() - learned.cells.keys()
    forget_learned(tx)
    save_learned(tx, learned)
    count_lesson(tx, {segment for segment, _ in removed})
    return Rebuilt(
        rides=rides,
        observations=observations,
        base=base,
        cells=len(learned.cells),
        changed=sum(before.get(place) != cell for place, cell in learned.cells.items()),
        removed=len(removed),
    )


def stored_observations(
    tx: Transaction, rides: Collection[int]
) -> tuple[tuple[Place, Observation], ...]:
    """Return what these rides observed and where, in the order in which it was learned."""
    table, seen = tx.schema.rides, tx.schema.observations
    rows = tx.execute(
        select(seen, table.c.device)
        .join_from(seen, table, seen.c.ride == table.c.id)
        .where(table.c.id.in_(rides))
        .order_by(seen.c.ride, seen.c.position)
    )
    return tuple(
        (
            (row.segment, TimeBin.from_index(row.bin)),
            Observation(row.seconds, row.started_at, row.device, row.confidence),
        )
        for row in rows
    )


def _rides_after(tx: Transaction, last: int | None) -> Sequence[int]:
    rides = tx.schema.rides
    some = select(rides.c.id).order_by(rides.c.id).limit(RIDES_PER_BATCH)
    return tx.execute(some if last is None else some.where(rides.c.id > last)).scalars().all()
