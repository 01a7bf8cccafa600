"""The token bucket's laws, on any history of rides and any behaviour of the clock."""

from datetime import datetime, timedelta
from fractions import Fraction
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from backend.core.limiting import Allowance, Bucket, Grant, full, refilled, take
from tests.factories import START

ALLOWANCES = st.builds(
    Allowance,
    capacity=st.integers(1, 5),
    refill=st.timedeltas(timedelta(seconds=1), timedelta(hours=1)),
)
FORWARD = st.one_of(st.just(timedelta(0)), st.timedeltas(timedelta(0), timedelta(minutes=40)))
STEPS = st.lists(FORWARD, max_size=40)
ANY_STEPS = st.lists(st.timedeltas(timedelta(days=-2), timedelta(days=2)), max_size=40)


def moments(steps: list[timedelta]) -> list[datetime]:
    return [START + passed for passed in accumulate(steps, initial=timedelta(0))]


def history(allowance: Allowance, when: list[datetime]) -> list[Grant]:
    """Send a ride at each of these moments and return what became of it."""
    bucket, grants = full(allowance, when[0]), []
    for now in when:
        grants.append(take(bucket, allowance, now))
        bucket = grants[-1].bucket
    return grants


@given(ALLOWANCES, STEPS)
def test_no_window_of_time_lets_in_more_than_capacity_and_rate(
    allowance: Allowance, steps: list[timedelta]
) -> None:
    when = moments(steps)
    grants = history(allowance, when)
    let_in = [now for now, grant in zip(when, grants, strict=True) if grant.admitted]
    for first, start in enumerate(let_in):
        for last, end in enumerate(let_in[first:], start=first):
            # In whole numbers: rides * refill <= capacity * (refill + window)
            limit = allowance.capacity * (allowance.refill + (end - start))
            assert (last - first + 1) * allowance.refill <= limit


@given(ALLOWANCES, ANY_STEPS)
def test_a_clock_that_jumps_lets_in_no_more_than_its_steps_forward_allow(
    allowance: Allowance, steps: list[timedelta]
) -> None:
    """However often it is set back: what counts is the time that it showed passing."""
    admitted = sum(grant.admitted for grant in history(allowance, moments(steps)))
    passed = sum((max(step, timedelta(0)) for step in steps), timedelta(0))
    assert admitted * allowance.refill <= allowance.capacity * (allowance.refill + passed)


@given(ALLOWANCES, ANY_STEPS)
def test_who_waits_as_long_as_told_is_let_in(allowance: Allowance, steps: list[timedelta]) -> None:
    """Whatever the clock did before, also when it was set back in between."""
    when = moments(steps)
    last = history(allowance, when)[-1]
    if not last.admitted:
        assert take(last.bucket, allowance, when[-1] + last.wait).admitted
        too_soon = when[-1] + last.wait - timedelta(microseconds=1)
        assert not take(last.bucket, allowance, too_soon).admitted


@given(ALLOWANCES, STEPS)
def test_what_is_said_to_remain_is_let_in_and_no_more(
    allowance: Allowance, steps: list[timedelta]
) -> None:
    when = moments(steps)
    last = history(allowance, when)[-1]
    following = history_from(last.bucket, allowance, when[-1], last.remaining + 1)
    assert [grant.admitted for grant in following] == [True] * last.remaining + [False]


def history_from(bucket: Bucket, allowance: Allowance, now: datetime, count: int) -> list[Grant]:
    grants = []
    for _ in range(count):
        grants.append(take(bucket, allowance, now))
        bucket = grants[-1].bucket
    return grants


@given(ALLOWANCES, st.fractions(0, 1), FORWARD, FORWARD)
def test_a_bucket_holds_no_less_later(
    allowance: Allowance, part: Fraction, sooner: timedelta, more: timedelta
) -> None:
    bucket = Bucket(int(part * allowance.most), allowance.price, START)
    early = refilled(bucket, allowance, START + sooner)
    late = refilled(bucket, allowance, START + sooner + more)
    assert bucket.tokens <= early.tokens <= late.tokens <= allowance.most


@given(ALLOWANCES, FORWARD, FORWARD)
def test_looking_in_between_changes_nothing(
    allowance: Allowance, sooner: timedelta, more: timedelta
) -> None:
    """Nothing is rounded, so that no fraction is lost however often a device asks."""
    empty = Bucket(0, allowance.price, START)
    end = START + sooner + more
    stopover = refilled(empty, allowance, START + sooner)
    assert refilled(stopover, allowance, end) == refilled(empty, allowance, end)


@given(ALLOWANCES, st.timedeltas(timedelta(0), timedelta(days=1)))
def test_after_the_time_of_refilling_a_bucket_is_full(
    allowance: Allowance, longer: timedelta
) -> None:
    later = START + allowance.refill + longer
    assert refilled(Bucket(0, allowance.price, START), allowance, later) == full(allowance, later)


@given(ALLOWANCES, ALLOWANCES, st.fractions(0, 1))
def test_with_other_settings_a_bucket_holds_as_many_rides_as_may_be(
    old: Allowance, new: Allowance, part: Fraction
) -> None:
    bucket = Bucket(int(part * old.most), old.price, START)
    rides = Fraction(bucket.tokens, old.price)
    expected = min(rides, Fraction(new.capacity))
    found = Fraction(refilled(bucket, new, START).tokens, new.price)
    assert expected - Fraction(1, new.price) < found <= expected
