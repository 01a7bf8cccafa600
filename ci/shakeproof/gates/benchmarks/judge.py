"""Is one revision slower than another? The statistics of the benchmark gate (pure).

What is judged is a series of rounds. In each, fresh processes of the base, of HEAD and of the base again measured
every benchmark, and logarithms of ratios come out of it (`Round`): HEAD to each of the two processes of the base, and
base to base. What one installation of the base has of luck counts half that way. (HEAD to the mean of the two would be
biased where noise is lopsided: two processes meet a spike more often than one.) Of the logarithms of a series the
location is the mean of their middle half - a moment in which the machine did something else touches one round, and then
not the mean - and the interval is the percentile bootstrap, rounds drawn with replacement.

B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979), pp. 1-26; that trimmed
means make the percentile bootstrap hold its level in samples as small as these: R. R. Wilcox, "Introduction to Robust
Estimation and Hypothesis Testing", 3rd ed. (2012), section 4.4.

How the error rates are held, with several benchmarks and several looks at the data:

- *False alarms.* The first series may be looked at several times and only nominates. The nominated are measured again,
  and fail by the second series alone, which is fresh data: neither the looks at the first nor the choice of the
  nominated can bias the answer (D. R. Cox, "A note on data-splitting for the evaluation of significance levels",
  Biometrika 62 (1975), pp. 441-444). Its 1 % is shared among the nominated and among its looks, whose number is fixed
  beforehand (Bonferroni): of all comparisons of equal revisions, at most 0.5 % fail, however many benchmarks there
  are - less in truth, since a benchmark has to be nominated first, and be slower by half of the tolerance besides.
- *Misses.* A benchmark passes at the first look at which its interval lies below the tolerance. The 5 % are shared
  among the looks, so that a benchmark slower by the tolerance or more passes by mistake in 2.5 % at most.

With so few rounds the bootstrap keeps this nearly: docs/benchmarks.md has what simulations say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from random import Random
from statistics import median
from typing import TYPE_CHECKING, Final, Literal, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

ERROR: Final = 0.05  # two-sided, for a whole comparison: of the first series, and of what passes
FAIL_ERROR: Final = 0.01  # the same of what fails: who is told so stops to look for a cause
RESAMPLES: Final = 4000
TRIMMED: Final = 4  # one in so many is left out at either end

State: TypeAlias = Literal["pass", "slower", "undecided", "noisy"]


@dataclass(frozen=True)
class Round:
    """One benchmark in the three processes of one round: its smallest seconds in each, and how they compare."""

    base: float
    head: float
    again: float  # the base once more
    changes: tuple[float, float]  # the logarithms of HEAD's time to the base's, to each of the two
    noise: float  # the logarithm of the base's time to the base's

    @property
    def change(self) -> float:
        """The logarithm of HEAD's time to both together."""
        return math.fsum(self.changes) / len(self.changes)

    @classmethod
    def of_minima(cls, base: float, head: float, again: float) -> Self:
        """Compare processes that ran one after the other by their smallest times: noise only ever adds time."""
        return cls.of_turns([base], [head], [again])

    @classmethod
    def of_turns(cls, base: Sequence[float], head: Sequence[float], again: Sequence[float]) -> Self:
        """Compare processes that took turns by the median of what each turn says; seconds of calls in their order.

        What slows a turn down slows all of it down. Turns that not all of them took are left out.
        """
        turns = tuple(zip(base, head, again, strict=False))
        return cls(
            min(base),
            min(head),
            min(again),
            (
                median(math.log(its / first) for first, its, _ in turns),
                median(math.log(its / second) for _, its, second in turns),
            ),
            median(math.log(second / first) for first, _, second in turns),
        )


@dataclass(frozen=True)
class Interval:
    """A ratio of times and the bootstrap interval around it; 1 is no change."""

    low: float
    ratio: float
    high: float

    def above(self, least: float) -> bool:
        """Whether the interval lies above 1, and the ratio above `least`."""
        return self.low > 1 and self.ratio > least

    def apart(self, least: float) -> bool:
        """Tell the same, slower or faster."""
        return self.above(least) or (self.high < 1 and self.ratio < 1 / least)


@dataclass(frozen=True)
class Judgement:
    """What a series says of one benchmark."""

    state: State
    change: Interval  # HEAD to base, at 95 % or more
    noise: Interval  # base to base, at 95 %
    rounds: int


def judge_look(rounds: Sequence[Round], tolerance: float, looks: int) -> Judgement:
    """Judge one of the `looks` at the first series; `slower` means nominated."""
    return _judge(rounds, tolerance, slower_error=ERROR, pass_error=ERROR / looks)


def judge_again(rounds: Sequence[Round], tolerance: float, looks: int, nominated: int) -> Judgement:
    """Judge one of the `looks` at the second series of one of so many nominated; `slower` is final."""
    return _judge(
        rounds, tolerance, slower_error=FAIL_ERROR / looks / nominated, pass_error=ERROR / looks
    )


def middle_mean(values: Sequence[float]) -> float:
    """Return the mean without a quarter of the values (rounded down) at either end."""
    out = len(values) // TRIMMED
    kept = sorted(values)[out : len(values) - out]
    return math.fsum(kept) / len(kept)


@dataclass(frozen=True)
class Bootstrap:
    """What logarithms of ratios tell of the ratio; `drawn` are the means of the samples drawn, sorted."""

    mean: float
    drawn: tuple[float, ...]

    def interval(self, error: float) -> Interval:
        """Return the ratio and its two-sided interval at the level 1 - `error`."""
        outside = int(error / 2 * len(self.drawn))
        return Interval(
            low=math.exp(self.drawn[outside]),
            ratio=math.exp(self.mean),
            high=math.exp(self.drawn[-1 - outside]),
        )


def bootstrap(rounds: Sequence[Sequence[float]]) -> Bootstrap:
    """Draw from rounds of logarithms of ratios; those of one round are not independent and are drawn together.

    The same numbers give the same draws, which are seeded. Times in another unit change nothing, and sides exchanged
    turn every interval around.
    """
    count = len(rounds)
    draws = Random(count)  # noqa: S311 - a bootstrap wants repeatable numbers, not secret ones

    def location(drawn: Sequence[Sequence[float]]) -> float:
        return middle_mean([*chain.from_iterable(drawn)])

    means = (location(draws.choices(rounds, k=count)) for _ in range(RESAMPLES))
    return Bootstrap(location(rounds), tuple(sorted(means)))


def _judge(
    rounds: Sequence[Round], tolerance: float, *, slower_error: float, pass_error: float
) -> Judgement:
    changes = bootstrap([one.changes for one in rounds])
    change = changes.interval(slower_error)
    noise = bootstrap([(one.noise,) for one in rounds]).interval(ERROR)
    matters = 1 + tolerance / 2
    state: State
    noisy = noise.apart(matters)
    # What HEAD adds is told from noise where it is more than twice as large.
    drowned = noisy and abs(math.log(change.ratio)) <= 2 * abs(math.log(noise.ratio))
    slower = change.above(matters)
    if drowned or (noisy and not slower):
        state = "noisy"
    elif slower:
        state = "slower"
    elif changes.interval(pass_error).high < 1 + tolerance:
        state = "pass"
    else:
        state = "undecided"
    return Judgement(state, change, noise, len(rounds))
