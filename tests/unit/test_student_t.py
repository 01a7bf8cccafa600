"""Quantiles of Student's t, against printed tables and the distribution's own laws."""

import pytest

from backend.core.student_t import t_quantile


@pytest.mark.parametrize(
    ("probability", "dof", "expected"),
    [
        # Abramowitz and Stegun, Handbook of Mathematical Functions, table 26.10.
        (0.90, 1, 3.078),
        (0.90, 10, 1.372),
        (0.90, 20, 1.325),
        (0.95, 20, 1.725),
        (0.995, 30, 2.750),
    ],
)
def test_quantiles_are_those_of_the_printed_table(
    probability: float, dof: float, expected: float
) -> None:
    assert t_quantile(probability, dof) == pytest.approx(expected, abs=5e-4)


def test_the_median_is_zero_for_any_degrees_of_freedom() -> None:
    assert [t_quantile(0.5, dof) for dof in (0.5, 3, 1000)] == pytest.approx([0, 0, 0])


def test_the_distribution_is_symmetric() -> None:
    assert t_quantile(0.1, 7) == pytest.approx(-t_quantile(0.9, 7))


def test_fewer_degrees_of_freedom_mean_a_wider_distribution() -> None:
    assert t_quantile(0.9, 2) > t_quantile(0.9, 20) > t_quantile(0.9, 2000)


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, float("nan")])
def test_a_probability_outside_0_and_1_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        t_quantile(probability, 5)


@pytest.mark.parametrize("dof", [0.0, -3.0, float("nan")])
def test_no_degrees_of_freedom_are_refused(dof: float) -> None:
    with pytest.raises(ValueError, match="degrees of freedom"):
        t_quantile(0.9, dof)
