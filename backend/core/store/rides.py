"""Rides: one ride is one transaction, all or nothing."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert

from backend.core.bins import TimeBin, bin_of
from backend.core.errors import RideRefusedError
from backend.core.learning import Cell, Judgement, LearningRules, Observation
from backend.core.rides import Rejection, Ride, RideReceipt, judge_ride
from backend.core.settings import Settings
from backend.core.sharing import Contribution, learn_fairly
from backend.core.storage import Transaction
from backend.core.store.cells import load_cells, save_cells
from backend.core.store.segments import number_segments
from backend.core.store.shares import load_contributions, save_contributions

Place = tuple[int, TimeBin]
"""Where something is learned: the number of a segment, and a time bin."""


def submit_ride(tx: Transaction, ride: Ride, settings: Settings, now: datetime) -> RideReceipt:
    """Store a ride, learn from its segments, and say which of them were learned.

    Every segment is stored with what became of it. Raises RideRefusedError, before anything is
    written, for a ride that breaks a limit.
    """
    problems = judge_ride(ride, settings, now)
    if problems:
        raise RideRefusedError(problems)
    device = pseudonym(ride.device_id)
    tx.claim(*(f"segment {part.segment}" for part in ride.segments))
    numbers = number_segments(tx, (part.segment for part in ride.segments))
    places = tuple(
        (numbers[part.segment], bin_of(part.started_at, settings.zone, settings.holidays))
        for part in ride.segments
    )
    observations = tuple(
        Observation(part.seconds, part.started_at, device, part.confidence)
        for part in ride.segments
    )
    judgements = learn_observations(
        tx,
        device,
        tuple(zip(places, observations, strict=True)),
        LearningRules.from_settings(settings),
    )
    ride_number = _insert_ride(tx, ride, device, now)
    tx.execute(
        insert(tx.schema.observations),
        [
            {
                "ride": ride_number,
                "position": position,
                "segment": segment,
                "bin": time_bin.index,
                "seconds": observation.seconds,
                "confidence": observation.confidence,
                "started_at": observation.at,
                "judgement": judgement.value,
            }
            for position, ((segment, time_bin), observation, judgement) in enumerate(
                zip(places, observations, judgements, strict=True)
            )
        ],
    )
    rejected = tuple(
        Rejection(index, judgement)
        for index, judgement in enumerate(judgements)
        if not judgement.learned
    )
    return RideReceipt(len(judgements) - len(rejected), rejected)


def pseudonym(device_id: str) -> str:
    """Return a name that tells devices apart without spelling them out: 16 hexadecimal digits.

    Whoever knows a device's id can still find its rides; this is tidiness, not anonymity.
    """
    return hashlib.blake2b(device_id.encode(), digest_size=8).hexdigest()


def learn_observations(
    tx: Transaction,
    device: str,
    observations: Sequence[tuple[Place, Observation]],
    rules: LearningRules,
) -> tuple[Judgement, ...]:
    """Learn what one device observed, in that order, and return what became of each observation.

    Nothing but these, what is stored about their cells, and the rules decides: the same observations in
    the same order lead to the same state. The segments have to be claimed.
    """
    segments = {segment for (segment, _), _ in observations}
    bins = {time_bin for (_, time_bin), _ in observations}
    cells = load_cells(tx, segments, bins)
    given = load_contributions(tx, device, segments, bins)
    changed: dict[Place, Cell] = {}
    contributed: dict[Place, Contribution] = {}
    judgements: list[Judgement] = []
    for place, observation in observations:
        cell, part, judgement = learn_fairly(
            changed.get(place, cells.get(place, Cell())),
            contributed.get(place, given.get(place, Contribution())),
            observation,
            rules,
        )
        if cell.as_of is not None:
            changed[place] = cell
        if judgement.learned:
            contributed[place] = part
        judgements.append(judgement)
    save_cells(tx, changed)
    save_contributions(tx, device, contributed)
    return tuple(judgements)


def _insert_ride(tx: Transaction, ride: Ride, device: str, now: datetime) -> int:
    """Store what a ride is apart from its segments, and return its number."""
    rides = tx.schema.rides
    statement = insert(rides).values(device=device, route_id=ride.route_id, received_at=now)
    return int(tx.execute(statement.returning(rides.c.id)).scalar_one())
