"""From what was learned and what the timetable says to "how long will it take?".

The durations of a segment in a time bin are taken to be normal with unknown mean and variance. The
prior is normal-inverse-chi-squared, worth `n0` observations of the timetable's duration; what was
learned (n effective observations, mean m, spread sum S) makes it a posterior, and the next bus
follows the posterior predictive distribution, Student's t. Formulas: K. P. Murphy, "Conjugate
Bayesian analysis of the Gaussian distribution", 2007, section 5 (NIX), with kappa_0 = n0 and
nu_0 = n0, but at least `LEAST_PRIOR_DOF`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.core.learning import Cell, LearningRules, aged
from backend.core.student_t import t_quantile

PRIOR_SPREAD_SHARE = 0.25
"""The prior standard deviation as a share of the prior mean: a timetable says no spread.

A choice of ours, which observations soon correct.
"""

LEAST_PRIOR_DOF = 6.0
"""Observations that the prior's spread is worth at least, however few its duration is worth.

Student's t has a variance from 2 degrees of freedom on and a fourth moment from 4 on. `combine`
needs both, and well within: 6 is a choice of ours, with which nine of ten trips keep to their p90.
"""

FOURTH_MOMENT_DOF = 4.0
"""Degrees of freedom above which Student's t has a fourth moment."""

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

        nu0   = max(n0, `LEAST_PRIOR_DOF`)
        kappa = n0 + n
        nu    = nu0 + n
        mean  = (n m + n0 mu0) / kappa
        s^2   = (nu0 sigma0^2 + S + n0 n (m - mu0)^2 / kappa) / nu
        scale = s sqrt(1 + 1 / kappa)
    """
    seen = aged(cell, now, rules.half_life)
    n, n0, mu0 = seen.weight, rules.n0, prior.mean_seconds
    nu0 = max(n0, LEAST_PRIOR_DOF)
    kappa, nu = n0 + n, nu0 + n
    sigma0 = PRIOR_SPREAD_SHARE * mu0
    surprise = n0 * n * (seen.mean - mu0) ** 2 / kappa
    variance = (nu0 * sigma0**2 + seen.spread_sum + surprise) / nu
    return Estimate(
        mean=(n * seen.mean + n0 * mu0) / kappa,
        scale=math.sqrt(variance * (1 + 1 / kappa)),
        dof=nu,
        observations=n,
        weight=n / kappa,
    )


def combine(estimates: Sequence[Estimate]) -> Estimate:
    """Return the estimate of a trip that takes one segment after the other.

    The segments are taken to be independent of each other. Traffic jams are not, so the p90 of a
    long trip is on the low side. The sum of t variables is no t variable; this is the one with the
    same mean, variance and fourth cumulant, which add up. A segment has the variance

        v = scale^2 dof / (dof - 2)                (s^2)

    and the fourth cumulant 6 v^2 / (dof - 4) (N. L. Johnson, S. Kotz, N. Balakrishnan, "Continuous
    Univariate Distributions", volume 2, 2nd edition 1995, chapter 28), so the trip has

        V     = sum v
        dof   = 4 + 1 / sum ((v / V)^2 / (dof_i - 4))
        scale = sqrt(V (dof - 2) / dof)

    `observations` are those of the least known segment; `weight` is the observed share of the
    trip's time. Raises ValueError for a trip without segments, and unless each segment has more
    than 4 degrees of freedom, as all that `predict` returns have.
    """
    if not estimates:
        raise ValueError("A trip has at least one segment; none was given.")
    if min(part.dof for part in estimates) <= FOURTH_MOMENT_DOF:
        raise ValueError("Only estimates with more than 4 degrees of freedom add up to a trip.")
    mean = math.fsum(part.mean for part in estimates)
    variances = [part.scale**2 * part.dof / (part.dof - 2) for part in estimates]
    variance = math.fsum(variances)
    # With shares of the whole, not with fourth powers of seconds, which leave the range of floats.
    tails = math.fsum(
        (own / variance) ** 2 / (part.dof - FOURTH_MOMENT_DOF)
        for own, part in zip(variances, estimates, strict=True)
    )
    dof = FOURTH_MOMENT_DOF + 1 / tails
    return Estimate(
        mean=mean,
        scale=math.sqrt(variance * (dof - 2) / dof),
        dof=dof,
        observations=min(part.observations for part in estimates),
        weight=math.fsum(part.weight * part.mean for part in estimates) / mean,
    )
