"""What riders' phones teach about one segment in one time bin.

A `Cell` holds an exponentially discounted count, mean and spread. An observation made at time t
weighs, seen from time T,

    w(t) = 2 ** -((T - t) / half_life)        (dimensionless, 1 at t = T)

so what counts is when the bus ran, not when the phone found a network. With the weights w_i and
the durations x_i in seconds a cell stands for

    weight     W = sum w_i                    (effective observations)
    mean       m = sum w_i x_i / W            (s)
    spread_sum S = sum w_i (x_i - m) ** 2     (s^2)

all seen from `as_of`, the latest observation. An observation updates them in one pass after
D. H. D. West, "Updating mean and variance estimates: an improved method", Communications of the
ACM 22 (9), 1979, pp. 532-535. As long as none is rejected, every order of arrival leads to the same
cell (up to rounding): a newer one first ages the cell, an older one comes in with less weight.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Self

from backend.core.settings import Settings

SETTLED_OBSERVATIONS = 5
"""Effective observations up to which a cell knows too little to call anything an outlier."""

DEVICES_THAT_WIDEN = 3
"""Different devices that have to be rejected on one side for one outlier to be learned.

A choice of ours: two may be friends on one bus, and four seldom ride through one quarter hour.
"""

LEAST_SPREAD_SECONDS = 1.0
LEAST_SPREAD_SHARE = 0.05
"""No bus is more punctual than 1 s or 5 % of the mean: identical observations exclude nothing.

A choice of ours, about as exactly as a phone tells when a bus stands at a stop.
"""


class Judgement(Enum):
    """What became of one observation."""

    ACCEPTED = "accepted"
    WIDENED = "widened"
    """Learned although far off, because several devices say so: the world has changed."""
    LOW_CONFIDENCE = "low_confidence"
    OUTLIER = "outlier"
    DEVICE_SHARE = "device_share"
    """One device would decide too much of the estimate (see `backend.core.sharing`)."""

    @property
    def learned(self) -> bool:
        """Whether the observation changed the mean."""
        return self in {Judgement.ACCEPTED, Judgement.WIDENED}


@dataclass(frozen=True, slots=True)
class Observation:
    """One bus on one segment, as one device saw it."""

    seconds: float
    at: datetime
    """When the bus left the first stop; aware."""
    device: str
    """A pseudonym is enough: devices are only told apart."""
    confidence: float
    """Of the map matching, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What is known about a segment in a time bin; `Cell()` is what is known at first: nothing."""

    weight: float = 0.0
    mean: float = 0.0
    spread_sum: float = 0.0
    as_of: datetime | None = None
    """The latest observation learned; None for an empty cell."""
    streak_side: int = 0
    """Where the outliers of the present streak lie: -1 faster, 1 slower, 0 no streak."""
    streak_devices: tuple[str, ...] = ()
    """The different devices of the streak, the first first; fewer than `DEVICES_THAT_WIDEN`."""


@dataclass(frozen=True, slots=True)
class LearningRules:
    """The settings that learning and predicting obey."""

    half_life: timedelta
    outlier_sigma: float
    min_confidence: float
    n0: float
    """How many observations the prior is worth."""
    max_device_share: float = 1.0
    """Of what decides an estimate, how much may be one device's; 1 is no limit."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return the rules that a service's settings contain."""
        return cls(
            half_life=settings.half_life,
            outlier_sigma=settings.outlier_sigma,
            min_confidence=settings.mapmatch_min_conf,
            n0=settings.n0,
            max_device_share=settings.max_device_share,
        )


def learn(cell: Cell, observation: Observation, rules: LearningRules) -> tuple[Cell, Judgement]:
    """Return the cell after an observation, and what became of the observation.

    Low confidence is rejected and leaves the cell as it was. So is an outlier (see
    `outlying_side`), but the cell remembers which device sent it: the streak. The observation that
    brings `DEVICES_THAT_WIDEN` different devices together on one side is learned, and a new streak
    begins, so that behind every outlier that is learned stand that many devices, and one alone
    moves nothing however often it tries. This goes on until the spread has grown so that they are
    outliers no longer. An ordinary observation takes the first device off the streak: outliers
    widen a cell even between ordinary observations, unless those are the majority.
    """
    if observation.confidence < rules.min_confidence:
        return cell, Judgement.LOW_CONFIDENCE
    side = outlying_side(cell, observation, rules)
    if side == 0:
        learned = _absorb(cell, observation, rules.half_life)
        shorter = _with_streak(learned, cell.streak_side, cell.streak_devices[1:])
        return shorter, Judgement.ACCEPTED
    devices = cell.streak_devices if cell.streak_side == side else ()
    if observation.device not in devices:
        devices = (*devices, observation.device)
    if len(devices) < DEVICES_THAT_WIDEN:
        return _with_streak(cell, side, devices), Judgement.OUTLIER
    return _with_streak(_absorb(cell, observation, rules.half_life), 0, ()), Judgement.WIDENED


def outlying_side(cell: Cell, observation: Observation, rules: LearningRules) -> int:
    """Return 0 for an observation near the mean, -1 for one too fast, 1 for one too slow.

    Too far is `|x - m| > outlier_sigma * s` (s) with the standard deviation `s = sqrt(S / W)`, but
    at least `LEAST_SPREAD_SECONDS` and `LEAST_SPREAD_SHARE` of the mean. Nothing is too far while
    the cell, seen from the observation, holds no more than `SETTLED_OBSERVATIONS`.
    """
    if aged(cell, observation.at, rules.half_life).weight <= SETTLED_OBSERVATIONS:
        return 0
    spread = max(
        math.sqrt(cell.spread_sum / cell.weight),
        LEAST_SPREAD_SECONDS,
        LEAST_SPREAD_SHARE * cell.mean,
    )
    distance = observation.seconds - cell.mean
    if abs(distance) <= rules.outlier_sigma * spread:
        return 0
    return 1 if distance > 0 else -1


def aged(cell: Cell, moment: datetime, half_life: timedelta) -> Cell:
    """Return the cell as seen from a moment: `W` and `S` halve with each half-life since `as_of`.

    A moment before `as_of` leaves the cell as it is: nothing counts more than once.
    """
    if cell.as_of is None or moment <= cell.as_of:
        return cell
    factor = _discount(moment - cell.as_of, half_life)
    return replace(
        cell, weight=cell.weight * factor, spread_sum=cell.spread_sum * factor, as_of=moment
    )


def merge(one: Cell, other: Cell, half_life: timedelta) -> Cell:
    """Return what two cells say together, seen from the later of their `as_of`; without a streak.

    With d = m_2 - m_1: W = W_1 + W_2, m = m_1 + d W_2 / W, S = S_1 + S_2 + d^2 W_1 W_2 / W, after
    T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for
    computing sample variances", COMPSTAT 1982, pp. 30-41.
    """
    if one.as_of is None or other.as_of is None:
        return replace(other if one.as_of is None else one, streak_side=0, streak_devices=())
    latest = max(one.as_of, other.as_of)
    one, other = aged(one, latest, half_life), aged(other, latest, half_life)
    weight = one.weight + other.weight
    distance = other.mean - one.mean
    return Cell(
        weight=weight,
        mean=one.mean + distance * other.weight / weight,
        spread_sum=one.spread_sum
        + other.spread_sum
        + distance**2 * one.weight * other.weight / weight,
        as_of=latest,
    )


def _absorb(cell: Cell, observation: Observation, half_life: timedelta) -> Cell:
    """Return the cell with an observation learned, whatever it says (West 1979)."""
    cell = aged(cell, observation.at, half_life)
    as_of = cell.as_of or observation.at
    share = _discount(as_of - observation.at, half_life)
    weight = cell.weight + share
    distance = observation.seconds - cell.mean
    mean = cell.mean + distance * share / weight
    return replace(
        cell,
        weight=weight,
        mean=mean,
        # Never below 0, but rounding can lead there when the old weight is next to nothing.
        spread_sum=max(0.0, cell.spread_sum + share * distance * (observation.seconds - mean)),
        as_of=as_of,
    )


def _with_streak(cell: Cell, side: int, devices: tuple[str, ...]) -> Cell:
    """Return the cell with another streak; one without devices has no side."""
    return replace(cell, streak_side=side if devices else 0, streak_devices=devices)


def _discount(age: timedelta, half_life: timedelta) -> float:
    return float(2.0 ** -(age / half_life))
