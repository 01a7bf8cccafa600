"""What has to be learned from the rides that are stored, worked out again from the beginning, by one alone."""

from collections import Counter

from sqlalchemy import select

from backend.core.bins import TimeBin
from backend.core.learning import Cell, LearningRules, Observation
from backend.core.rides import pseudonym
from backend.core.settings import Settings
from backend.core.sharing import Contribution, learn_fairly
from backend.core.storage import Database
from backend.core.store.cells import load_cells

Cells = dict[tuple[int, TimeBin], Cell]


def learned(database: Database) -> Cells:
    """Return what is stored as learned, by segment number and bin."""
    with database.reading() as tx:
        return load_cells(tx, tx.execute(select(tx.schema.segments.c.id)).scalars().all())


def replayed(database: Database, settings: Settings) -> tuple[Cells, list[str], list[str]]:
    """Learn from the stored rides in the order of their numbers.

    Return the cells, and of each observation in that order the judgement and the one that is stored.
    """
    with database.reading() as tx:
        rides, parts = tx.schema.rides, tx.schema.observations
        rows = tx.execute(
            select(parts, rides.c.device)
            .join_from(parts, rides)
            .order_by(parts.c.ride, parts.c.position)
        ).all()
    rules, cells, judgements = LearningRules.from_settings(settings), Cells(), []
    given: dict[tuple[int, TimeBin, str], Contribution] = {}
    for row in rows:
        place = row.segment, TimeBin.from_index(row.bin)
        observation = Observation(row.seconds, row.started_at, row.device, row.confidence)
        cell, part, judgement = learn_fairly(
            cells.get(place, Cell()),
            given.get((*place, row.device), Contribution()),
            observation,
            rules,
        )
        given[*place, row.device] = part
        if cell.as_of is not None:
            cells[place] = cell
        judgements.append(judgement.value)
    return cells, judgements, [row.judgement for row in rows]


def assert_learned_as_replayed(database: Database, settings: Settings) -> None:
    """Check that nothing was lost, doubled or mixed up: to the last bit, since the order is the same."""
    cells, judgements, stored = replayed(database, settings)
    assert judgements == stored
    assert learned(database) == cells


def rides_of(database: Database, devices: list[str]) -> list[int]:
    """Return how many rides of each of these devices are stored."""
    with database.reading() as tx:
        found = Counter(tx.execute(select(tx.schema.rides.c.device)).scalars())
    return [found[pseudonym(device)] for device in devices]
