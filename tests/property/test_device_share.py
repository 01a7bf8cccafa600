"""No single device decides an estimate, whatever it sends, and the others do not notice the rule."""

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from backend.core.learning import Cell, Judgement, LearningRules, Observation, learn
from backend.core.sharing import ALWAYS, Contribution, learn_fairly
from tests.factories import START

HALF_LIFE = timedelta(days=2)
RULES = st.builds(
    LearningRules,
    half_life=st.just(HALF_LIFE),
    outlier_sigma=st.sampled_from([3.0, math.inf]),
    min_confidence=st.just(0.7),
    n0=st.sampled_from([1, 2, 20]),
    max_device_share=st.sampled_from([0.01, 0.1, 0.5, 0.9]),
)
LAX = LearningRules(HALF_LIFE, math.inf, 0.0, n0=1, max_device_share=0.01)
TALKATIVE = st.sampled_from(["talkative"] * 3 + ["a", "b", "c"])


def observations(devices: st.SearchStrategy[str]) -> st.SearchStrategy[Observation]:
    return st.builds(
        Observation,
        seconds=st.floats(min_value=1, max_value=7200),
        at=st.timedeltas(timedelta(days=-20), timedelta(days=20)).map(lambda past: START + past),
        device=devices,
        confidence=st.floats(min_value=0.6, max_value=1),
    )


MANY = st.lists(observations(TALKATIVE), min_size=1, max_size=60)


def learn_all(
    many: Sequence[Observation], rules: LearningRules
) -> tuple[Cell, dict[str, Contribution], list[Judgement]]:
    cell, given, judgements = Cell(), defaultdict[str, Contribution](Contribution), []
    for each in many:
        cell, given[each.device], judgement = learn_fairly(cell, given[each.device], each, rules)
        judgements.append(judgement)
    return cell, given, judgements


def weight_of(learned: Sequence[Observation], as_of: datetime) -> float:
    """Compute what observations weigh from their definition."""
    return math.fsum(2.0 ** -((as_of - each.at) / HALF_LIFE) for each in learned)


# Old rides, told late, weigh next to nothing each, but a hundred of them weigh something.
OLD = [Observation(300.0, START + timedelta(days=20), "a", 1.0)] + [
    Observation(300.0, START, "talkative", 1.0)
] * 3000


@given(MANY, RULES)
@example(OLD, LAX)
def test_the_share_of_every_device_stays_within_the_bound(
    many: list[Observation], rules: LearningRules
) -> None:
    """At the end of any history, computed from what was learned and not from what is kept."""
    bound = max(rules.max_device_share, ALWAYS / (ALWAYS + rules.n0))
    cell, given, learned = Cell(), defaultdict[str, Contribution](Contribution), []
    for each in many:
        cell, given[each.device], judgement = learn_fairly(cell, given[each.device], each, rules)
        if judgement.learned:
            learned.append(each)
    if cell.as_of is not None:
        for device in {each.device for each in learned}:
            weight = weight_of([each for each in learned if each.device == device], cell.as_of)
            assert weight / (cell.weight + rules.n0) <= bound * (1 + 1e-9)


@given(MANY, RULES)
def test_what_is_kept_about_a_device_is_the_weight_of_what_it_taught(
    many: list[Observation], rules: LearningRules
) -> None:
    _, given, judgements = learn_all(many, rules)
    for device, part in given.items():
        learned = [
            each
            for each, judgement in zip(many, judgements, strict=True)
            if each.device == device and judgement.learned
        ]
        if part.as_of is not None:
            assert math.isclose(part.weight, weight_of(learned, part.as_of), rel_tol=1e-9)
        else:
            assert (part, learned) == (Contribution(), [])


@given(MANY, RULES)
def test_what_passes_the_share_is_as_if_it_had_never_been_sent(
    many: list[Observation], rules: LearningRules
) -> None:
    """Cell, parts and the judgements on all others are the same without it."""
    cell, given, judgements = learn_all(many, rules)
    kept = [
        (each, judgement)
        for each, judgement in zip(many, judgements, strict=True)
        if judgement is not Judgement.DEVICE_SHARE
    ]
    again = learn_all([each for each, _ in kept], rules)
    assert again == (cell, given, [judgement for _, judgement in kept])


@given(MANY, RULES)
def test_devices_that_send_once_are_learned_as_without_the_rule(
    many: list[Observation], rules: LearningRules
) -> None:
    """A device's first observation is let in whatever the share."""
    strangers = [
        Observation(each.seconds, each.at, f"device {number}", each.confidence)
        for number, each in enumerate(many)
    ]
    plain = Cell()
    judged = []
    for each in strangers:
        plain, judgement = learn(plain, each, rules)
        judged.append(judgement)
    cell, _, judgements = learn_all(strangers, rules)
    assert (cell, judgements) == (plain, judged)
