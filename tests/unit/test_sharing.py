"""How much of a cell may be one device's: exact examples."""

from datetime import timedelta

import pytest

from backend.core.learning import Cell, Judgement, LearningRules, Observation, learn
from backend.core.sharing import Contribution, learn_fairly
from tests.factories import START, make_observation

HALF_LIFE = timedelta(days=30)


def rules(n0: float = 20, share: float = 0.5) -> LearningRules:
    return LearningRules(HALF_LIFE, 3.0, 0.7, n0, share)


def seen(
    seconds: float = 300, *, at: timedelta = timedelta(0), confidence: float = 0.9
) -> Observation:
    return make_observation(seconds, at=START + at, device="device", confidence=confidence)


def repeat(count: int, rules: LearningRules) -> tuple[Cell, Contribution, list[Judgement]]:
    cell, given, judgements = Cell(), Contribution(), []
    for _ in range(count):
        cell, given, judgement = learn_fairly(cell, given, seen(), rules)
        judgements.append(judgement)
    return cell, given, judgements


def test_a_device_alone_may_be_worth_as_much_as_the_timetable() -> None:
    """Half of twenty observations and twenty of the timetable's: the twenty-first is one too many."""
    cell, given, judgements = repeat(21, rules())
    assert judgements == [Judgement.ACCEPTED] * 20 + [Judgement.DEVICE_SHARE]
    assert (cell.weight, given) == (20, Contribution(20, START))


def test_the_more_others_teach_the_more_a_device_may() -> None:
    cell, given, _ = repeat(20, rules())
    for _ in range(2):
        cell, _ = learn(cell, make_observation(), rules())
    _, _, judgement = learn_fairly(cell, given, seen(), rules())
    assert judgement is Judgement.ACCEPTED


def test_the_first_observation_is_let_in_whatever_the_share() -> None:
    _, _, judgements = repeat(2, rules(n0=1, share=0.01))
    assert judgements == [Judgement.ACCEPTED, Judgement.DEVICE_SHARE]


@pytest.mark.parametrize(
    ("half_lives", "judgement"), [(6, Judgement.DEVICE_SHARE), (7, Judgement.ACCEPTED)]
)
def test_who_comes_back_after_a_long_time_begins_again(
    half_lives: int, judgement: Judgement
) -> None:
    """Once the first observation weighs less than a hundredth, another one is let in."""
    cell, given, _ = repeat(1, rules(n0=1, share=0.01))
    late = seen(at=half_lives * HALF_LIFE)
    assert learn_fairly(cell, given, late, rules(n0=1, share=0.01))[2] is judgement


@pytest.mark.parametrize("late", [timedelta(0), timedelta(microseconds=1)])
def test_what_a_device_taught_counts_nothing_after_twenty_half_lives(late: timedelta) -> None:
    """Not a millionth: it is the same whether it is still known or not."""
    cell, given, _ = repeat(3, rules())
    _, after, _ = learn_fairly(cell, given, seen(at=20 * HALF_LIFE + late), rules())
    assert after.weight == (1.0 if late else 1.0 + 3 * 2.0**-20)


def test_a_share_of_one_is_no_limit() -> None:
    _, _, judgements = repeat(200, rules(n0=1, share=1))
    assert set(judgements) == {Judgement.ACCEPTED}


def test_what_is_not_learned_takes_no_share() -> None:
    cell, given, _ = repeat(10, rules())
    unsure = learn_fairly(cell, given, seen(confidence=0.1), rules())
    wild = learn_fairly(cell, given, seen(3000), rules())
    assert (unsure[1:], wild[1:]) == (
        (given, Judgement.LOW_CONFIDENCE),
        (given, Judgement.OUTLIER),
    )


def test_an_outlier_counts_as_one_even_of_a_device_that_has_its_share() -> None:
    """It is one of those who say that the world has changed; that moves the mean of nobody alone."""
    cell, given, _ = repeat(20, rules())
    after, _, judgement = learn_fairly(cell, given, seen(3000), rules())
    assert (judgement, after.streak_devices) == (Judgement.OUTLIER, ("device",))
