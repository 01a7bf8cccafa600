"""No single device decides an estimate: how much of a cell may be one device's.

What decides an estimate is the cell's weight W (see `backend.core.learning`) and the prior's, n0
observations. With the weight w of what one device taught the cell, aged as the cell is, its share is

    w / (W + n0)        (dimensionless, seen from the cell's `as_of`)

An observation that would be learned, but would take its device beyond `max_device_share`, is
rejected, unless the device then weighs no more than `ALWAYS`: nobody could begin otherwise. Time
alone, and what other devices teach, only make a share smaller. So at all times

    share <= max(max_device_share, ALWAYS / (ALWAYS + n0))

but for what a device taught more than `HALF_LIVES_KEPT` ago: that counts nothing at all, so that it need not be
kept, and whether it still is changes no judgement.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.core.learning import Cell, Judgement, LearningRules, Observation, learn

ALWAYS = 1.01
"""Effective observations that a device may teach whatever its share.

A first one, and another one once a first one has faded: to a hundredth, after 6.6 half-lives.
"""

HALF_LIVES_KEPT = 20
"""Half-lives after which nothing is left of what a device has taught: it would be less than a millionth."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one device has taught one cell; `Contribution()` is nothing."""

    weight: float = 0.0
    """Effective observations, seen from `as_of`."""
    as_of: datetime | None = None
    """The cell's `as_of` when the device last taught it something; None for nothing."""


def learn_fairly(
    cell: Cell, given: Contribution, observation: Observation, rules: LearningRules
) -> tuple[Cell, Contribution, Judgement]:
    """Return the cell and its device's part in it after an observation, and what became of that.

    Does as `learn` does, but for what would pass the device's share: that leaves both as they were.
    """
    after, judgement = learn(cell, observation, rules)
    if not judgement.learned:
        return after, given, judgement
    own = _faded(1.0, observation.at, after.as_of, rules.half_life)
    weight = own + _left(given, after.as_of, rules.half_life)
    if weight > max(ALWAYS, rules.max_device_share * (after.weight + rules.n0)):
        return cell, given, Judgement.DEVICE_SHARE
    return after, Contribution(weight, after.as_of), judgement


def _left(given: Contribution, moment: datetime | None, half_life: timedelta) -> float:
    """Return what is left of a device's part in a cell."""
    since = given.as_of
    if since and moment and moment - since > HALF_LIVES_KEPT * half_life:
        return 0.0
    return _faded(given.weight, since, moment, half_life)


def _faded(
    weight: float, since: datetime | None, moment: datetime | None, half_life: timedelta
) -> float:
    """Return a weight as it is at a later moment: it halves with each half-life."""
    if since is None or moment is None or moment <= since:
        return weight
    return weight * float(2.0 ** -((moment - since) / half_life))
