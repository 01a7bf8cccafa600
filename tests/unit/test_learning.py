"""What the learner promises about one cell: weights, order, outliers, and a world that changes."""

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from backend.core.learning import (
    DEVICES_THAT_WIDEN,
    Cell,
    Judgement,
    LearningRules,
    Observation,
    aged,
    learn,
    merge,
)
from tests.factories import START, make_device, make_observation, make_settings

DAY = timedelta(days=1)
HALF_LIFE = 30 * DAY


@pytest.fixture
def rules() -> LearningRules:
    return LearningRules(half_life=HALF_LIFE, outlier_sigma=3.0, min_confidence=0.7, n0=20)


def seen(
    seconds: float,
    *,
    at: timedelta = timedelta(0),
    device: str | None = None,
    confidence: float = 0.9,
) -> Observation:
    return make_observation(seconds, at=START + at, device=device, confidence=confidence)


def learn_all(observations: Iterable[Observation], rules: LearningRules) -> Cell:
    cell = Cell()
    for observation in observations:
        cell, _ = learn(cell, observation, rules)
    return cell


@pytest.fixture
def settled(rules: LearningRules) -> Cell:
    """Ten buses that took 290 to 310 s: enough to call others outliers."""
    return learn_all([seen(290.0 + 20 * (number % 2)) for number in range(10)], rules)


def test_the_rules_are_the_settings() -> None:
    settings = make_settings(
        n0=5, half_life_days=10, outlier_sigma=2.5, mapmatch_min_conf=0.5, max_device_share=0.3
    )
    expected = LearningRules(
        half_life=timedelta(days=10),
        outlier_sigma=2.5,
        min_confidence=0.5,
        n0=5,
        max_device_share=0.3,
    )
    assert expected == LearningRules.from_settings(settings)


def test_the_first_observation_is_the_mean(rules: LearningRules) -> None:
    cell, judgement = learn(Cell(), seen(300), rules)
    assert judgement is Judgement.ACCEPTED
    assert Cell(weight=1, mean=300, spread_sum=0, as_of=START) == cell


def test_simultaneous_observations_give_the_plain_mean_and_sum_of_squares(
    rules: LearningRules,
) -> None:
    cell = learn_all([seen(280), seen(300), seen(350)], rules)
    assert (cell.weight, cell.mean, cell.spread_sum) == pytest.approx((3, 310, 2600))


def test_an_observation_one_half_life_old_counts_half(rules: LearningRules) -> None:
    cell = learn_all([seen(200), seen(320, at=HALF_LIFE)], rules)
    assert cell.weight == pytest.approx(1.5)
    assert cell.mean == pytest.approx((0.5 * 200 + 320) / 1.5)


def test_an_observation_that_arrives_late_counts_by_when_it_was_made(
    rules: LearningRules,
) -> None:
    """A phone that found no network for a month still tells of a month ago."""
    late = learn_all([seen(320, at=HALF_LIFE), seen(200)], rules)
    assert late.weight == pytest.approx(1.5)
    assert late.mean == pytest.approx((0.5 * 200 + 320) / 1.5)
    assert late.as_of == START + HALF_LIFE


def test_every_order_of_arrival_leads_to_the_same_cell(rules: LearningRules) -> None:
    observations = [seen(200), seen(260, at=3 * DAY), seen(310, at=9 * DAY), seen(305, at=9 * DAY)]
    cells = [learn_all(order, rules) for order in permutations(observations)]
    first = cells[0]
    for cell in cells:
        assert cell.as_of == first.as_of
        assert (cell.weight, cell.mean, cell.spread_sum) == pytest.approx(
            (first.weight, first.mean, first.spread_sum)
        )


def test_low_confidence_is_rejected_and_leaves_no_trace(
    settled: Cell, rules: LearningRules
) -> None:
    cell, judgement = learn(settled, seen(300, confidence=0.69), rules)
    assert judgement is Judgement.LOW_CONFIDENCE
    assert cell == settled


def test_confidence_at_the_limit_is_enough(rules: LearningRules) -> None:
    _, judgement = learn(Cell(), seen(300, confidence=0.7), rules)
    assert judgement is Judgement.ACCEPTED


def test_low_confidence_outliers_never_add_up_to_a_changed_world(
    settled: Cell, rules: LearningRules
) -> None:
    cell = settled
    for _ in range(5):
        cell, judgement = learn(cell, seen(900, confidence=0.1), rules)
        assert judgement is Judgement.LOW_CONFIDENCE
    assert cell == settled


def test_nothing_is_an_outlier_before_more_than_five_observations(rules: LearningRules) -> None:
    five = learn_all([seen(300) for _ in range(5)], rules)
    six = learn_all([seen(300) for _ in range(6)], rules)
    assert learn(five, seen(3000), rules)[1] is Judgement.ACCEPTED
    assert learn(six, seen(3000), rules)[1] is Judgement.OUTLIER


def test_observations_that_have_faded_do_not_make_outliers(
    settled: Cell, rules: LearningRules
) -> None:
    """Ten observations two half-lives ago are worth 2.5: too few to reject a bus of today."""
    _, judgement = learn(settled, seen(900, at=2 * HALF_LIFE), rules)
    assert judgement is Judgement.ACCEPTED


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (344.0, Judgement.ACCEPTED),
        (346.0, Judgement.OUTLIER),
        (256.0, Judgement.ACCEPTED),
        (254.0, Judgement.OUTLIER),
    ],
)
def test_an_outlier_lies_more_than_sigma_spreads_from_the_mean_on_either_side(
    settled: Cell, rules: LearningRules, seconds: float, expected: Judgement
) -> None:
    """Mean 300 s, deviation 10 s but at least 5 % of the mean: the limit is 3 x 15 s."""
    assert learn(settled, seen(seconds), rules)[1] is expected


def test_what_lies_exactly_at_the_limit_is_no_outlier(rules: LearningRules) -> None:
    """Ten buses of exactly 100 s have the least spread, 5 s: 115 s is 3 of them away, and the next float further."""
    cell = learn_all([seen(100) for _ in range(10)], rules)
    assert learn(cell, seen(115), rules)[1] is Judgement.ACCEPTED
    assert learn(cell, seen(math.nextafter(115, math.inf)), rules)[1] is Judgement.OUTLIER


@pytest.mark.parametrize(("seconds", "side"), [(100, -1), (900, 1)])
def test_a_streak_says_on_which_side_it_lies(
    settled: Cell, rules: LearningRules, seconds: float, side: int
) -> None:
    """The side is stored, so what reads it later relies on the very number."""
    assert learn(settled, seen(seconds), rules)[0].streak_side == side


def test_a_wide_spread_allows_what_a_narrow_one_does_not(rules: LearningRules) -> None:
    wide = learn_all([seen(300.0 + 100 * (-1) ** number) for number in range(10)], rules)
    assert learn(wide, seen(590), rules)[1] is Judgement.ACCEPTED
    assert learn(wide, seen(610), rules)[1] is Judgement.OUTLIER


def test_identical_observations_do_not_exclude_their_neighbours(rules: LearningRules) -> None:
    """Without a least spread, ten buses of exactly 10 s would reject one of 12 s."""
    cell = learn_all([seen(10) for _ in range(10)], rules)
    assert learn(cell, seen(12), rules)[1] is Judgement.ACCEPTED
    assert learn(cell, seen(14), rules)[1] is Judgement.OUTLIER


def test_a_rejected_outlier_changes_nothing_that_is_predicted_from(
    settled: Cell, rules: LearningRules
) -> None:
    cell, _ = learn(settled, seen(900, at=DAY), rules)
    assert (cell.weight, cell.mean, cell.spread_sum, cell.as_of) == (
        settled.weight,
        settled.mean,
        settled.spread_sum,
        settled.as_of,
    )


def test_the_third_device_rejected_on_one_side_widens(settled: Cell, rules: LearningRules) -> None:
    judgements = []
    cell = settled
    for _ in range(DEVICES_THAT_WIDEN + 2):
        cell, judgement = learn(cell, seen(1500), rules)
        judgements.append(judgement)
    assert judgements == [
        Judgement.OUTLIER,
        Judgement.OUTLIER,
        Judgement.WIDENED,
        Judgement.OUTLIER,  # a new streak begins
        Judgement.OUTLIER,
    ]
    assert cell.mean > settled.mean


def test_the_spread_grows_until_the_new_is_ordinary(settled: Cell, rules: LearningRules) -> None:
    cell = settled
    for _ in range(2 * DEVICES_THAT_WIDEN):
        cell, _ = learn(cell, seen(1500), rules)
    assert learn(cell, seen(1500), rules)[1] is Judgement.ACCEPTED


def test_one_device_never_widens_what_others_have_begun(
    settled: Cell, rules: LearningRules
) -> None:
    """Behind each outlier that is learned stand three devices, so a wild one moves nothing twice."""
    cell, wild, judgements = settled, make_device(), []
    for _ in range(DEVICES_THAT_WIDEN):
        cell, _ = learn(cell, seen(900), rules)
    for _ in range(6):
        cell, judgement = learn(cell, seen(7200, device=wild), rules)
        judgements.append(judgement)
    assert judgements == [Judgement.OUTLIER] * 6


def test_ordinary_rides_between_slow_ones_do_not_hide_a_change(
    settled: Cell, rules: LearningRules
) -> None:
    """Two of three buses are slow, each seen by another phone: that is learned in the end."""
    cell, judgements = settled, []
    for number in range(60):
        cell, judgement = learn(cell, seen(300 if number % 3 == 0 else 600), rules)
        judgements.append(judgement)
    assert Judgement.WIDENED in judgements[:6]
    assert judgements[-9:] == [Judgement.ACCEPTED] * 9


def test_rounding_never_makes_a_spread_negative(rules: LearningRules) -> None:
    """Where the old weight is next to nothing, the new mean is the observation, nearly."""
    fading = replace(rules, half_life=DAY)
    many = [seen(52.3)] * 3 + [seen(226.6, at=61 * DAY)] * 6
    cell = learn_all(many, fading)
    assert cell.spread_sum >= 0
    assert learn(cell, seen(226.6, at=61 * DAY), fading)[1] is Judgement.ACCEPTED


def test_one_device_alone_never_widens(settled: Cell, rules: LearningRules) -> None:
    cell, device = settled, make_device()
    for _ in range(20):
        cell, judgement = learn(cell, seen(900, device=device), rules)
        assert judgement is Judgement.OUTLIER
    assert cell.streak_devices == (device,)


def test_an_ordinary_observation_takes_the_first_device_off_the_streak(
    settled: Cell, rules: LearningRules
) -> None:
    cell, first, second = settled, make_device(), make_device()
    for device in (first, second):
        cell, _ = learn(cell, seen(900, device=device), rules)
    cell, _ = learn(cell, seen(300), rules)
    assert (cell.streak_side, cell.streak_devices) == (1, (second,))
    cell, _ = learn(cell, seen(300), rules)
    assert (cell.streak_side, cell.streak_devices) == (0, ())


def test_outliers_in_the_minority_stay_outliers(settled: Cell, rules: LearningRules) -> None:
    cell = settled
    for number in range(30):
        slow = number % 3 == 0
        cell, judgement = learn(cell, seen(900 if slow else 300), rules)
        assert judgement is (Judgement.OUTLIER if slow else Judgement.ACCEPTED)


def test_outliers_on_the_other_side_start_a_new_streak(settled: Cell, rules: LearningRules) -> None:
    cell = settled
    for seconds in (900, 900, 30, 30, 900, 900):
        cell, judgement = learn(cell, seen(seconds), rules)
        assert judgement is Judgement.OUTLIER
    assert (cell.streak_side, len(cell.streak_devices)) == (1, 2)


def test_a_changed_world_is_learned_in_the_end(settled: Cell, rules: LearningRules) -> None:
    """A bridge closes and every bus takes 900 s: after half a year of rides, so does the mean."""
    cell = settled
    for number in range(200):
        cell, _ = learn(cell, seen(900, at=number * DAY), rules)
    assert cell.mean == pytest.approx(900, rel=0.02)


def test_ageing_halves_weight_and_spread_and_keeps_the_mean(settled: Cell) -> None:
    older = aged(settled, START + HALF_LIFE, HALF_LIFE)
    assert (older.weight, older.spread_sum) == pytest.approx(
        (settled.weight / 2, settled.spread_sum / 2)
    )
    assert older.mean == settled.mean
    assert older.as_of == START + HALF_LIFE


def test_ageing_to_the_past_changes_nothing(settled: Cell) -> None:
    assert aged(settled, START - DAY, HALF_LIFE) == settled


def test_merging_equals_learning_everything_in_one_cell(rules: LearningRules) -> None:
    early = [seen(280), seen(300, at=DAY)]
    late = [seen(350, at=20 * DAY), seen(310, at=22 * DAY), seen(330, at=40 * DAY)]
    together = learn_all(early + late, rules)
    merged = merge(learn_all(early, rules), learn_all(late, rules), HALF_LIFE)
    assert merged.as_of == together.as_of
    assert (merged.weight, merged.mean, merged.spread_sum) == pytest.approx(
        (together.weight, together.mean, together.spread_sum)
    )


def test_merging_with_nothing_changes_nothing_but_drops_the_streak(
    settled: Cell, rules: LearningRules
) -> None:
    rejected, _ = learn(settled, seen(900), rules)
    assert merge(rejected, Cell(), HALF_LIFE) == settled
    assert merge(Cell(), rejected, HALF_LIFE) == settled


def test_ages_beyond_every_float_do_no_harm(rules: LearningRules) -> None:
    """A century is 1,200 half-lives: the old observation's weight is 0, never an error."""
    cell = learn_all([seen(200), seen(300, at=36_500 * DAY), seen(250, at=DAY)], rules)
    assert math.isfinite(cell.spread_sum)
    assert (cell.weight, cell.mean) == pytest.approx((1, 300))
