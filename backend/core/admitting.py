"""Which of several rides are let in: decided in the order in which they came, as if each had come alone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from backend.core.limiting import Bucket, Grant, take
from backend.core.rides import Problem, Ride, judge_ride, pseudonym
from backend.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Admitted:
    """To be stored and learned; it was taken out of its device's allowance."""

    grant: Grant


@dataclass(frozen=True, slots=True)
class TooMany:
    """The device has sent all that it may for now."""

    grant: Grant


@dataclass(frozen=True, slots=True)
class Refused:
    """It breaks limits, and costs nothing."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Repeated:
    """Its key was used before, by one of these rides or long ago; it costs nothing."""


Decision: TypeAlias = Admitted | TooMany | Refused | Repeated


def admit(
    rides: Sequence[tuple[str, Ride]],
    used: Collection[str],
    buckets: Mapping[str, Bucket],
    settings: Settings,
    now: datetime,
) -> tuple[tuple[Decision, ...], dict[str, Bucket]]:
    """Return what becomes of each ride, and the buckets that are not what they were then.

    Args:
        rides: each under its idempotency key.
        used: the keys under which there is an answer already.
        buckets: what each device has left, by its pseudonym.
        settings: limits of rides, and the allowance of devices.
        now: the moment at which all of them are judged.
    """
    taken = set(used)
    left = dict(buckets)
    decisions: list[Decision] = []
    for key, ride in rides:
        if key in taken:
            decisions.append(Repeated())
            continue
        device = pseudonym(ride.device_id)
        decision, left[device] = _admit(ride, left[device], settings, now)
        if isinstance(decision, Admitted):
            taken.add(key)
        decisions.append(decision)
    return tuple(decisions), {name: left[name] for name in left if left[name] != buckets[name]}


def _admit(
    ride: Ride, bucket: Bucket, settings: Settings, now: datetime
) -> tuple[Decision, Bucket]:
    """Return what becomes of a ride, and what is left to its device then."""
    grant = take(bucket, settings.allowance, now)
    if not grant.admitted:
        return TooMany(grant), grant.bucket
    problems = judge_ride(ride, settings, now)
    return (Refused(problems), bucket) if problems else (Admitted(grant), grant.bucket)
