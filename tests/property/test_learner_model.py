"""The learner, one observation at a time, against its definition over all of them at once."""

import math
from datetime import timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from backend.core.predicting import Prior, predict
from tests.factories import START

LENIENT = LearningRules(
    half_life=timedelta(days=30), outlier_sigma=math.inf, min_confidence=0.0, n0=20
)
STRICT = LearningRules(half_life=timedelta(days=30), outlier_sigma=3.0, min_confidence=0.7, n0=20)


def observations(devices: int = 5) -> st.SearchStrategy[Observation]:
    return st.builds(
        Observation,
        seconds=st.floats(min_value=1, max_value=7200),
        at=st.timedeltas(timedelta(days=-90), timedelta(days=90)).map(lambda past: START + past),
        device=st.integers(1, devices).map("device {}".format),
        confidence=st.floats(min_value=0, max_value=1),
    )


MANY = st.lists(observations(), min_size=1, max_size=40)


def learn_all(many: list[Observation], rules: LearningRules) -> Cell:
    return reduce(lambda cell, observation: learn(cell, observation, rules)[0], many, Cell())


def batch(many: list[Observation], half_life: timedelta) -> Cell:
    """Compute the definition, in two passes over all observations."""
    latest = max(observation.at for observation in many)
    weights = [2.0 ** -((latest - observation.at) / half_life) for observation in many]
    weight = math.fsum(weights)
    weighted = list(zip(weights, many, strict=True))
    mean = math.fsum(w * observation.seconds for w, observation in weighted) / weight
    spread = math.fsum(w * (observation.seconds - mean) ** 2 for w, observation in weighted)
    return Cell(weight=weight, mean=mean, spread_sum=spread, as_of=latest)


def assert_alike(one: Cell, other: Cell) -> None:
    """Compare up to rounding, which grows with the squares of durations of up to 7200 s."""
    assert one.as_of == other.as_of
    assert one.weight == pytest.approx(other.weight, rel=1e-9)
    assert one.mean == pytest.approx(other.mean, rel=1e-9)
    assert one.spread_sum == pytest.approx(other.spread_sum, rel=1e-7, abs=1e-4)


@given(MANY)
def test_without_rejections_streaming_equals_the_batch_formula(many: list[Observation]) -> None:
    assert_alike(learn_all(many, LENIENT), batch(many, LENIENT.half_life))


@given(MANY.flatmap(lambda many: st.tuples(st.just(many), st.permutations(many))))
def test_without_rejections_the_order_of_arrival_does_not_matter(
    orders: tuple[list[Observation], list[Observation]],
) -> None:
    one, other = orders
    assert_alike(learn_all(one, LENIENT), learn_all(other, LENIENT))


@given(MANY, MANY)
def test_merged_cells_equal_one_cell_that_learned_everything(
    one: list[Observation], other: list[Observation]
) -> None:
    merged = merge(learn_all(one, LENIENT), learn_all(other, LENIENT), LENIENT.half_life)
    assert_alike(merged, batch(one + other, LENIENT.half_life))


@given(MANY, st.timedeltas(timedelta(0), timedelta(days=400)))
def test_a_cell_seen_later_is_the_batch_formula_seen_later(
    many: list[Observation], wait: timedelta
) -> None:
    cell = learn_all(many, LENIENT)
    assert cell.as_of is not None
    later = aged(cell, cell.as_of + wait, LENIENT.half_life)
    factor = 2.0 ** -(wait / LENIENT.half_life)
    assert later.weight == pytest.approx(cell.weight * factor)
    assert later.mean == cell.mean


@given(MANY)
def test_with_rejections_the_cell_equals_the_batch_of_what_was_learned(
    many: list[Observation],
) -> None:
    cell, learned = Cell(), []
    for observation in many:
        cell, judgement = learn(cell, observation, STRICT)
        if judgement.learned:
            learned.append(observation)
    if learned:
        assert_alike(
            Cell(cell.weight, cell.mean, cell.spread_sum, cell.as_of),
            batch(learned, STRICT.half_life),
        )
    else:
        assert cell == Cell()


@given(st.lists(observations(devices=DEVICES_THAT_WIDEN - 1), max_size=60))
def test_too_few_devices_never_widen(many: list[Observation]) -> None:
    cell = Cell()
    for observation in many:
        cell, judgement = learn(cell, observation, STRICT)
        assert judgement is not Judgement.WIDENED


@given(MANY)
def test_every_judgement_follows_from_the_rules(many: list[Observation]) -> None:
    """Only confidence decides on low confidence; a cell that knows little rejects nothing else."""
    cell = Cell()
    for observation in many:
        known = aged(cell, observation.at, STRICT.half_life).weight
        cell, judgement = learn(cell, observation, STRICT)
        unsure = observation.confidence < STRICT.min_confidence
        assert (judgement is Judgement.LOW_CONFIDENCE) == unsure
        if not unsure and known <= 5:
            assert judgement is Judgement.ACCEPTED
        assert len(cell.streak_devices) < DEVICES_THAT_WIDEN
        assert (cell.streak_side == 0) == (not cell.streak_devices)


@given(
    st.floats(min_value=1, max_value=7200),
    st.floats(min_value=1, max_value=7200),
    st.integers(1, 10),
    st.floats(min_value=50, max_value=100),
)
def test_what_has_nearly_faded_leaves_no_impossible_spread(
    before: float, after: float, count: int, half_lives: float
) -> None:
    """After 50 to 100 half-lives the old weight is as small as the rounding of the new one."""
    later = START + half_lives * STRICT.half_life
    cell = Cell()
    for number in range(count):
        cell, _ = learn(cell, Observation(before, START, f"early {number}", 1.0), STRICT)
    for number in range(8):
        cell, judgement = learn(cell, Observation(after, later, f"late {number}", 1.0), STRICT)
        assert judgement is Judgement.ACCEPTED
        assert cell.spread_sum >= 0


@given(MANY, st.floats(min_value=1, max_value=7200))
def test_an_estimate_lies_between_timetable_and_observation(
    many: list[Observation], promised: float
) -> None:
    cell = learn_all(many, LENIENT)
    estimate = predict(cell, Prior(promised), START, LENIENT)
    low, high = sorted((cell.mean, promised))
    assert low * (1 - 1e-9) <= estimate.mean <= high * (1 + 1e-9)
    assert 1 <= estimate.p50 <= estimate.p90
    assert estimate.weight == pytest.approx(
        estimate.observations / (estimate.observations + LENIENT.n0)
    )
