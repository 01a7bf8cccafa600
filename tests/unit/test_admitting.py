"""Which rides are let in, in the order in which they come."""

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.core.admitting import Admitted, Decision, Refused, Repeated, TooMany, admit
from backend.core.limiting import Bucket, full
from backend.core.rides import Ride, pseudonym
from backend.core.settings import Settings
from tests.factories import START, make_device, make_ride, make_ride_segment


@pytest.fixture
def settings_overrides() -> dict[str, object]:
    return {"rate_limit_rides": 2}


def decide(
    settings: Settings, *rides: tuple[str, Ride], used: tuple[str, ...] = ()
) -> tuple[tuple[Decision, ...], dict[str, Bucket]]:
    """Decide where every device has its whole allowance before."""
    buckets = {pseudonym(ride.device_id): full(settings.allowance, START) for _, ride in rides}
    return admit(rides, used, buckets, settings, START)


def kinds(settings: Settings, *rides: tuple[str, Ride], used: tuple[str, ...] = ()) -> list[type]:
    return [type(each) for each in decide(settings, *rides, used=used)[0]]


def too_fast(device: str) -> Ride:
    return make_ride([make_ride_segment(seconds=0.5)], device_id=device)


def test_a_device_gets_its_allowance_whoever_comes_in_between(settings: Settings) -> None:
    one, other = make_device(), make_device()
    rides = [
        (str(number), make_ride(device_id=device))
        for number, device in enumerate((one, other, one, one, other))
    ]

    assert kinds(settings, *rides) == [Admitted, Admitted, Admitted, TooMany, Admitted]


def test_what_is_left_after_each_ride_is_told(settings: Settings) -> None:
    ride = make_ride()
    decisions, _ = decide(settings, ("one", ride), ("two", ride))

    assert [each.grant.remaining for each in decisions if isinstance(each, Admitted)] == [1, 0]


def test_a_ride_that_breaks_limits_costs_nothing_and_leaves_its_key(settings: Settings) -> None:
    device = make_device()
    good = make_ride(device_id=device)

    assert kinds(
        settings,
        ("one", too_fast(device)),
        ("one", good),
        ("two", good),
        ("three", too_fast(device)),
    ) == [Refused, Admitted, Admitted, TooMany]


def test_a_key_used_before_costs_nothing(settings: Settings) -> None:
    """By a ride of long ago or by an earlier one of these; and nobody looks at what it says now."""
    device = make_device()
    good = make_ride(device_id=device)
    decisions, buckets = decide(
        settings,
        ("old", too_fast(device)),
        ("new", good),
        ("new", good),
        ("new", too_fast(device)),
        used=("old",),
    )

    assert [type(each) for each in decisions] == [Repeated, Admitted, Repeated, Repeated]
    (bucket,) = buckets.values()
    assert bucket.tokens == settings.allowance.price


def test_only_buckets_that_have_changed_are_returned(settings: Settings) -> None:
    ride, other = make_ride(), too_fast(make_device())
    _, buckets = decide(settings, ("one", ride), ("two", other))

    assert list(buckets) == [pseudonym(ride.device_id)]


def test_a_clock_that_was_set_back_is_noted_even_where_nothing_is_let_in(
    settings: Settings,
) -> None:
    ride, allowance = make_ride(), settings.allowance
    device = pseudonym(ride.device_id)
    empty = replace(full(allowance, START + timedelta(days=1)), tokens=0)
    decisions, buckets = admit([("one", ride)], (), {device: empty}, settings, START)

    assert [type(each) for each in decisions] == [TooMany]
    assert buckets == {device: replace(empty, as_of=START)}
