"""How prior and observations become an estimate, and segments a trip."""

import math
from dataclasses import replace
from datetime import timedelta

import numpy  # noqa: ICN001 - one name for one thing
import pytest

from backend.core.learning import Cell, LearningRules
from backend.core.predicting import LEAST_PRIOR_DOF, Estimate, Prior, combine, predict
from backend.core.student_t import t_quantile
from tests.factories import START

RULES = LearningRules(half_life=timedelta(days=30), outlier_sigma=3.0, min_confidence=0.7, n0=20)
PRIOR = Prior(mean_seconds=240.0)
LEARNED = Cell(weight=20, mean=300, spread_sum=8000, as_of=START)
PART = Estimate(mean=300, scale=40, dof=30, observations=10, weight=1 / 3)


def test_without_observations_the_estimate_is_the_prior() -> None:
    estimate = predict(Cell(), PRIOR, START, RULES)
    assert (estimate.mean, estimate.observations, estimate.weight) == (240, 0, 0)
    assert estimate.dof == 20
    assert estimate.scale == pytest.approx(60 * math.sqrt(1 + 1 / 20))


def test_as_many_observations_as_n0_weigh_as_much_as_the_timetable() -> None:
    estimate = predict(LEARNED, PRIOR, START, RULES)
    assert estimate.weight == 0.5
    assert estimate.mean == pytest.approx(270)
    assert estimate.dof == 40


def test_the_scale_follows_the_formula() -> None:
    """s^2 = (20 * 60^2 + 8000 + 20 * 20 / 40 * 60^2) / 40 = 2900, times 1 + 1 / 40."""
    estimate = predict(LEARNED, PRIOR, START, RULES)
    assert estimate.scale == pytest.approx(math.sqrt(2900 * (1 + 1 / 40)))


def test_p50_is_the_mean_and_p90_the_quantile_of_t() -> None:
    estimate = predict(LEARNED, PRIOR, START, RULES)
    assert estimate.p50 == estimate.mean
    assert estimate.p90 == pytest.approx(270 + t_quantile(0.9, 40) * estimate.scale)


def test_more_observations_move_the_estimate_towards_them() -> None:
    means = [predict(replace(LEARNED, weight=n), PRIOR, START, RULES).mean for n in (1, 10, 100)]
    assert 240 < means[0] < means[1] < means[2] < 300


def test_with_time_the_estimate_returns_to_the_timetable() -> None:
    later = [predict(LEARNED, PRIOR, START + timedelta(days=days), RULES) for days in (0, 30, 3000)]
    assert [estimate.observations for estimate in later] == pytest.approx([20, 10, 0], abs=1e-9)
    assert later[0].mean > later[1].mean > later[2].mean == pytest.approx(240)


def test_the_observed_spread_fades_with_the_observations() -> None:
    """A half-life later n = 10 and S = 4000: s^2 = (72000 + 4000 + 20 / 3 * 60^2) / 30."""
    estimate = predict(LEARNED, PRIOR, START + RULES.half_life, RULES)
    variance = (72_000 + 4_000 + 24_000) / 30
    assert estimate.scale == pytest.approx(math.sqrt(variance * (1 + 1 / 30)))


def test_no_quantile_is_below_one_second() -> None:
    hopeless = Estimate(mean=0.5, scale=0.01, dof=20, observations=0, weight=0)
    assert (hopeless.p50, hopeless.p90) == (1, 1)


def test_a_trip_of_one_segment_is_that_segment() -> None:
    trip = combine([PART])
    assert (trip.mean, trip.scale, trip.dof, trip.weight) == pytest.approx(
        (PART.mean, PART.scale, PART.dof, PART.weight)
    )


def variance(estimate: Estimate) -> float:
    return estimate.scale**2 * estimate.dof / (estimate.dof - 2)


def test_means_and_variances_of_segments_add_up() -> None:
    parts = [PART, replace(PART, mean=100, scale=30), replace(PART, dof=6)]
    trip = combine(parts)
    assert trip.mean == pytest.approx(700)
    assert variance(trip) == pytest.approx(sum(variance(part) for part in parts))


def test_equal_segments_are_nearer_to_normal_together() -> None:
    """The fourth cumulant 6 v^2 / (dof - 4) adds up: k equal parts have 4 + k (dof - 4)."""
    assert combine([PART] * 4).dof == pytest.approx(4 + 4 * (PART.dof - 4))


def test_without_a_fourth_moment_there_is_no_trip() -> None:
    with pytest.raises(ValueError, match="more than 4 degrees"):
        combine([PART, replace(PART, dof=4)])


@pytest.mark.parametrize("n0", [1, 5, 20])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_nine_of_ten_trips_keep_to_their_p90(n0: int, count: int) -> None:
    """The p90 of sums of t variables, drawn from a fixed seed, to half of a percent of the trips."""
    rules = replace(RULES, n0=n0)
    parts = [predict(Cell(), Prior(100.0 + 40 * number), START, rules) for number in range(count)]
    draws = numpy.random.default_rng(1)
    trips = sum(part.mean + part.scale * draws.standard_t(part.dof, 100_000) for part in parts)
    assert numpy.mean(trips <= combine(parts).p90) == pytest.approx(0.9, abs=0.005)


@pytest.mark.parametrize("n0", [1, 2, 6])
def test_however_little_a_timetable_is_trusted_its_spread_counts(n0: int) -> None:
    """With few degrees of freedom Student's t has no variance, and a trip of several no p90."""
    rules = replace(RULES, n0=n0)
    assert predict(Cell(), PRIOR, START, rules).dof == LEAST_PRIOR_DOF
    assert predict(LEARNED, PRIOR, START, rules).weight == pytest.approx(20 / (20 + n0))


def test_a_trip_is_known_as_well_as_its_least_known_segment() -> None:
    assert combine([PART, replace(PART, observations=2)]).observations == 2


def test_the_weight_of_a_trip_is_the_observed_share_of_its_time() -> None:
    trip = combine([replace(PART, mean=300, weight=1.0), replace(PART, mean=100, weight=0.0)])
    assert trip.weight == pytest.approx(0.75)


def test_a_trip_without_segments_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one segment"):
        combine([])
