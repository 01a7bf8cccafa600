"""The limits within which a ride is believed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.core.errors import RideRefusedError
from backend.core.rides import Problem, RideSegment, Segment, judge_ride
from backend.core.settings import CLOCK_SKEW
from tests.factories import START, make_ride, make_ride_segment, make_settings

SETTINGS = make_settings()
A_SECOND = timedelta(seconds=1)


def problems_of(segment: RideSegment) -> tuple[Problem, ...]:
    return judge_ride(make_ride([segment]), SETTINGS, START)


def test_a_ride_within_all_limits_has_no_problems() -> None:
    assert judge_ride(make_ride(), SETTINGS, START) == ()


@pytest.mark.parametrize(
    "segment",
    [
        make_ride_segment(seconds=7200),
        make_ride_segment(seconds=1),
        make_ride_segment(confidence=0),
        make_ride_segment(confidence=1),
        make_ride_segment(started_at=START - timedelta(days=7)),
        make_ride_segment(started_at=START + CLOCK_SKEW),
    ],
)
def test_a_segment_at_a_limit_is_within_it(segment: RideSegment) -> None:
    """Low confidence is no reason to refuse a ride: the learner leaves such a segment out."""
    assert problems_of(segment) == ()


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        (make_ride_segment(seconds=7200.5), "took 7200.5 s; at most 7200 s are allowed."),
        (make_ride_segment(seconds=0), "took 0 s; a duration is at least 1 s."),
        (make_ride_segment(seconds=0.5), "took 0.5 s; a duration is at least 1 s."),
        (make_ride_segment(seconds=-3), "took -3 s; a duration is at least 1 s."),
        (make_ride_segment(seconds=float("nan")), "took nan s; a duration is at least 1 s."),
        (make_ride_segment(confidence=1.5), "has the confidence 1.5"),
        (make_ride_segment(confidence=float("nan")), "has the confidence nan"),
        (make_ride_segment(Segment("a", "a")), "leads from 'a' to itself"),
        (make_ride_segment(started_at=START - timedelta(days=7) - A_SECOND), "for 7 days."),
        (make_ride_segment(started_at=START + CLOCK_SKEW + A_SECOND), "in the future"),
        (make_ride_segment(started_at=START.replace(tzinfo=None)), "without a zone"),
    ],
)
def test_each_limit_broken_is_one_sentence(segment: RideSegment, message: str) -> None:
    (problem,) = problems_of(segment)
    assert problem.segment == 0
    assert problem.message.startswith("Segment 0 ")
    assert message in problem.message


def test_a_ride_needs_a_segment() -> None:
    assert judge_ride(make_ride([]), SETTINGS, START) == (
        Problem(None, "The ride has no segments; send at least one."),
    )


def test_a_ride_has_at_most_so_many_segments() -> None:
    settings = make_settings(max_segments_per_ride=2)
    assert judge_ride(make_ride(), settings, START) == (
        Problem(None, "The ride has 3 segments; at most 2 are allowed."),
    )


def test_every_problem_is_told_with_its_segment() -> None:
    good = make_ride_segment()
    slow_and_odd = replace(good, seconds=9999, confidence=2)
    problems = judge_ride(make_ride([good, slow_and_odd, good, slow_and_odd]), SETTINGS, START)
    assert [problem.segment for problem in problems] == [1, 1, 3, 3]


def test_a_refusal_tells_all_problems() -> None:
    problems = (Problem(None, "One is wrong."), Problem(2, "Two is worse."))
    refusal = RideRefusedError(problems)
    assert refusal.problems == problems
    assert str(refusal) == "One is wrong. Two is worse."
