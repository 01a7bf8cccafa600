"""Where an estimate comes from, and how much riders stand behind it.

What was learned on a segment in the time bin itself says most. Where that is nothing, and no timetable either
says what to expect, the bins around it speak, and then those of every time of day.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import reduce
from typing import TypeAlias

from backend.core.bins import DAY_BEGINS, QUARTERS, SECONDS_PER_QUARTER, TimeBin
from backend.core.learning import Cell, LearningRules, aged, merge

Cells: TypeAlias = Sequence[tuple[TimeBin, Cell]]

NEIGHBOURS = 4
"""Quarter hours on either side that are the same part of a day: a choice of ours; traffic is much the same then."""

CREDITS = (1.0, 1 / 2, 1 / 4)
"""What counts towards the confidence of what the bin, the part of the day and all bins say; choices of ours."""

ZERO = timedelta()


class Provenance(Enum):
    """What an estimate goes by, the most direct first."""

    LEARNED = "learned"
    """Riders, in this time bin."""
    DAY_PART = "day_part"
    """Riders, up to an hour before or after, on the same kind of day."""
    SEGMENT = "segment"
    """Riders, at any time."""
    TIMETABLE = "timetable"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What stands behind an estimate."""

    provenance: Provenance
    confidence: float
    """How much of the estimate riders vouch for, 0 (none of it) to 1; see `evidence_from`."""
    age: timedelta | None
    """Since the latest observation that it goes by; None where there is none."""


def nearby(cells: Cells, time_bin: TimeBin) -> Cells:
    """Return the cells of the same part of the day, that of the bin itself included.

    Empty unless there is one beside the bin's own: alone that says no more than it has said already. A part
    of a day does not reach beyond 04:00, where another day of buses begins.
    """
    near = tuple(
        (other, cell)
        for other, cell in cells
        if other.day is time_bin.day
        and abs(_since_morning(other) - _since_morning(time_bin)) <= NEIGHBOURS
        and cell.as_of is not None
    )
    return near if any(other != time_bin for other, _ in near) else ()


def pool(cells: Iterable[tuple[TimeBin, Cell]], half_life: timedelta) -> Cell:
    """Return what cells say together, seen from the latest observation; an empty cell when they say nothing.

    Merged as they stand: seen from today, cells that have long faded may weigh nothing at all.
    """
    return reduce(lambda one, other: merge(one, other, half_life), (c for _, c in cells), Cell())


def expected_mean(cells: Cells, time_bin: TimeBin, rules: LearningRules) -> float | None:
    """Return the mean (s) that other bins let one expect; None when they are empty.

    The part of the day moves the mean of all bins as observations move a prior that is worth `n0` of them:
    (n m + n0 m_all) / (n + n0), all seen from the latest observation.
    """
    everything = pool(cells, rules.half_life)
    if everything.as_of is None:
        return None
    part = aged(pool(nearby(cells, time_bin), rules.half_life), everything.as_of, rules.half_life)
    return (part.weight * part.mean + rules.n0 * everything.mean) / (part.weight + rules.n0)


def speaking(
    cells: Cells, time_bin: TimeBin, rules: LearningRules, *, timetable: bool
) -> tuple[Cell, ...]:
    """Return those that have a say: the bin's own cell and, without a timetable, its part of the day and all bins."""
    own = dict(cells).get(time_bin, Cell())
    if timetable:
        return (own,)
    return own, pool(nearby(cells, time_bin), rules.half_life), pool(cells, rules.half_life)


def evidence_from(used: Sequence[Cell], rules: LearningRules, now: datetime) -> Evidence:
    """Return what stands behind an estimate that goes by these cells (see `speaking`).

    With the effective observations n of the bin, n_part of the part of the day and n_all of all bins, all
    aged to `now`, the confidence is

        max(n / (n + n0), n_part / (n_part + n0) / 2, n_all / (n_all + n0) / 4)

    of which only the first counts where a timetable says what to expect: then the others play no part in it.
    """
    confidence = max(
        credit * _share(cell, rules, now) for credit, cell in zip(CREDITS, used, strict=False)
    )
    kinds = (Provenance.LEARNED, Provenance.DAY_PART, Provenance.SEGMENT)
    for provenance, cell in zip(kinds, used, strict=False):
        if cell.as_of is not None:
            # A phone's clock may be a little ahead of ours.
            return Evidence(provenance, confidence, max(now - cell.as_of, ZERO))
    return Evidence(Provenance.TIMETABLE, 0.0, None)


def evidence_of_trip(parts: Sequence[tuple[Evidence, float]]) -> Evidence:
    """Return what stands behind a trip, from its segments and their mean durations (s).

    It goes by the least direct of what they go by, is as old as the latest observation on any of them, and
    its confidence is theirs, weighed by their durations.
    """
    order = tuple(Provenance)
    ages = [evidence.age for evidence, _ in parts if evidence.age is not None]
    return Evidence(
        max((evidence.provenance for evidence, _ in parts), key=order.index),
        math.fsum(evidence.confidence * seconds for evidence, seconds in parts)
        / math.fsum(seconds for _, seconds in parts),
        min(ages, default=None),
    )


def _share(cell: Cell, rules: LearningRules, now: datetime) -> float:
    observations = aged(cell, now, rules.half_life).weight
    return observations / (observations + rules.n0)


def _since_morning(time_bin: TimeBin) -> int:
    """Count the quarter hours since the day of buses began."""
    begins = DAY_BEGINS // timedelta(seconds=SECONDS_PER_QUARTER)
    return (time_bin.quarter - begins) % QUARTERS
