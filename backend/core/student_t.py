"""Quantiles of Student's t distribution: SciPy's, behind one typed function."""


def t_quantile(probability: float, dof: float) -> float:
    """Return the x below which a t variable with `dof` degrees of freedom lies so probably.

    Computed by `scipy.special.stdtrit`, the inverse of the cumulative distribution. Raises
    ValueError unless 0 < probability < 1 and dof > 0.
    """
    if not 0 < probability < 1:
        raise ValueError(f"A quantile is asked for between 0 and 1, not for {probability}.")
    if not dof > 0:
        raise ValueError(f"Student's t has more than 0 degrees of freedom, not {dof}.")
    # Half of the time that a command takes to start, and most of them ask for no quantile.
    from scipy.special import stdtrit  # noqa: PLC0415

    return float(stdtrit(dof, probability))
