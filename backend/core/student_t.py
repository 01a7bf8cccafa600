"""Quantiles of Student's t distribution: SciPy's, behind one typed function."""

from scipy import special


def t_quantile(probability: float, dof: float) -> float:
    """Return the x below which a t variable with `dof` degrees of freedom lies so probably.

    Computed by `scipy.special.stdtrit`, the inverse of the cumulative distribution. Raises
    ValueError unless 0 < probability < 1 and dof > 0.
    """
    if not 0 < probability < 1:
        raise ValueError(f"A quantile is asked for between 0 and 1, not for {probability}.")
    if not dof > 0:
        raise ValueError(f"Student's t has more than 0 degrees of freedom, not {dof}.")
    return float(special.stdtrit(dof, probability))
