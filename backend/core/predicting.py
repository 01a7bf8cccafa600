"""From what was learned and what the timetable says to "how long will it take?".

The durations of a segment in a time bin are taken to be normal with unknown mean and variance. The
prior is normal-inverse-gamma, worth `n0` observations of the timetable's duration; what was learned
(n effective observations, mean m, spread sum S) makes it a posterior, and the next bus follows the
posterior predictive distribution, Student's t. Formulas: K. P. Murphy, "Conjugate Bayesian analysis
of the Gaussian distribution", 2007, sections 3 and 3.3, with kappa_0 = nu_0 = n0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.core.learning import Cell, LearningRules, aged
from backend.core.student_t import t_quantile

PRIOR_SPREAD_SHARE = 0.25
"""The prior standard deviation as a share of the prior mean: a timetable says no spread."""

LEAST_SECONDS = 1.0
"""The tails of a t distribution reach below zero; no bus does."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What to expect before anything was observed in a time bin."""

    mean_seconds: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """The predictive distribution of a duration: `mean + scale * t(dof)`, in seconds."""

    mean: float
    scale: float
    dof: float
    observations: float
    """Effective observations behind it, n; of a whole trip, those of its least known segment."""
    weight: float
    """The share that was observed, n / (n + n0), 0 to 1; the rest is the prior's."""

    @property
    def p50(self) -> float:
        """The duration that half of the buses do not exceed (s)."""
        return max(self.mean, LEAST_SECONDS)  # t is symmetric: its median is its mean

    @property
    def p90(self) -> float:
        """The duration that nine of ten buses do not exceed (s)."""
        return max(self.mean + t_quantile(0.9, self.dof) * self.scale, LEAST_SECONDS)


def predict(cell: Cell, prior: Prior, now: datetime, rules: LearningRules) -> Estimate:
    """Return how long the next bus takes, given what was learned until `now` and the prior.

    With the prior mean mu0 (s), sigma0 = `PRIOR_SPREAD_SHARE` * mu0 (s), and n, S aged to `now`:

        nu    = n0 + n
        mean  = (n m + n0 mu0) / nu
        s^2   = (n0 sigma0^2 + S + n0 n (m - mu0)^2 / nu) / nu
        scale = s sqrt(1 + 1 / nu)
    """
    seen = aged(cell, now, rules.half_life)
    n, n0, mu0 = seen.weight, rules.n0, prior.mean_seconds
    nu = n0 + n
    sigma0 = PRIOR_SPREAD_SHARE * mu0
    variance = (n0 * sigma0**2 + seen.spread_sum + n0 * n * (seen.mean - mu0) ** 2 / nu) / nu
    return Estimate(
        mean=(n * seen.mean + n0 * mu0) / nu,
        scale=math.sqrt(variance * (1 + 1 / nu)),
        dof=nu,
        observations=n,
        weight=n / nu,
    )


def combine(estimates: Sequence[Estimate]) -> Estimate:
    """Return the estimate of a trip that takes one segment after the other.

    Means and squared scales add up, as if the segments were independent of each other. Traffic jams
    are not, so the p90 of a long trip is on the low side. The degrees of freedom follow
    Welch-Satterthwaite (B. L. Welch, Biometrika 34, 1947, pp. 28-35):

        dof = (sum scale^2)^2 / sum (scale^4 / dof)

    `observations` are those of the least known segment; `weight` is the observed share of the
    trip's time. Raises ValueError for a trip without segments.
    """
    if not estimates:
        raise ValueError("A trip has at least one segment; none was given.")
    mean = math.fsum(part.mean for part in estimates)
    variance = math.fsum(part.scale**2 for part in estimates)
    return Estimate(
        mean=mean,
        scale=math.sqrt(variance),
        dof=variance**2 / math.fsum(part.scale**4 / part.dof for part in estimates),
        observations=min(part.observations for part in estimates),
        weight=math.fsum(part.weight * part.mean for part in estimates) / mean,
    )
